// One workgroup reduces the span of a slot: each thread takes every GROUP-th term, in blocks of BLOCK as
// reduce_thread.wgsl does; then a tree over the threads, always of the same shape.
// Given: GROUP (a power of two), BLOCK, p.slots, alias State, fn identity, fn combine, fn span, fn term, fn store.
var<workgroup> partial: array<State, GROUP>;

@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = group.y * groups.x + group.x;
    // the same for the whole workgroup, so the barriers below stay uniform
    if slot >= p.slots {
        return;
    }
    let here = span(slot);
    var total = identity();
    var at = here.begin + thread;
    while at < here.end {
        let stop = min(at + BLOCK * GROUP, here.end);
        var part = identity();
        for (; at < stop; at += GROUP) {
            part = combine(part, term(here.outer, at));
        }
        total = combine(total, part);
    }
    partial[thread] = total;
    for (var half = GROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            partial[thread] = combine(partial[thread], partial[thread + half]);
        }
    }
    if thread == 0u {
        store(slot, partial[0]);
    }
}
