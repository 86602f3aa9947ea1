// One thread scans a chunk of a line: blocks of BLOCK terms, each from nothing, behind the blocks before, so that
// no sum of f32 is longer than either.
// Given: GROUP, BLOCK, EXCLUSIVE, p.slots, alias State, fn identity, fn combine, fn span(slot) -> Span,
// fn place(row) -> Place, fn term(place, i), fn carry(row, chunk), fn store(place, i, state), fn finish(row, chunk, state).
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
    let mine = span(slot);
    let here = place(mine.row);
    var total = carry(mine.row, mine.chunk);
    var at = mine.begin;
    while at < mine.end {
        let stop = min(at + BLOCK, mine.end);
        var part = identity();
        for (; at < stop; at++) {
            let next = combine(part, term(here, at));
            if EXCLUSIVE {
                store(here, at, combine(total, part));
            } else {
                store(here, at, combine(total, next));
            }
            part = next;
        }
        total = combine(total, part);
    }
    finish(mine.row, mine.chunk, total);
}
