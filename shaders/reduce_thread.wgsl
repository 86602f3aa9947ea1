// One thread reduces the span of a slot: blocks of BLOCK terms in a row, then the blocks, so that no sum of
// f32 is longer than either. Terms may be groups of four elements.
// Given: GROUP, BLOCK, p.slots, alias State, fn identity, fn combine, fn span, fn term, fn store.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = (group.y * groups.x + group.x) * GROUP + thread;
    if slot >= p.slots {
        return;
    }
    let here = span(slot);
    var total = identity();
    var at = here.begin;
    while at < here.end {
        let stop = min(at + BLOCK, here.end);
        var part = identity();
        for (; at < stop; at++) {
            part = combine(part, term(here.outer, at));
        }
        total = combine(total, part);
    }
    store(slot, total);
}
