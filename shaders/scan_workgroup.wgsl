// One workgroup scans a chunk of a line, GROUP * ITEMS terms at a time: each thread a few neighbours, then the
// threads' totals by doubling distances (Hillis and Steele, Data parallel algorithms, 1986), then the threads'
// terms again behind what is before them.
// Given: GROUP, ITEMS, EXCLUSIVE, p.slots, alias State, fn identity, fn combine, fn span(slot) -> Span,
// fn place(row) -> Place, fn term(place, i), fn carry(row, chunk), fn store(place, i, state), fn finish(row, chunk, state).
var<workgroup> totals: array<State, GROUP>;

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
    let mine = span(slot);
    let here = place(mine.row);
    var total = carry(mine.row, mine.chunk);
    for (var base = mine.begin; base < mine.end; base += GROUP * ITEMS) {
        let first = base + thread * ITEMS;
        var upto: array<State, ITEMS>;
        var sum = identity();
        for (var k = 0u; k < ITEMS; k++) {
            if first + k < mine.end {
                sum = combine(sum, term(here, first + k));
            }
            upto[k] = sum;
        }
        totals[thread] = sum;
        for (var distance = 1u; distance < GROUP; distance *= 2u) {
            workgroupBarrier();
            var wider = totals[thread];
            if thread >= distance {
                wider = combine(totals[thread - distance], wider);
            }
            workgroupBarrier();
            totals[thread] = wider;
        }
        workgroupBarrier();
        var before = total;
        if thread > 0u {
            before = combine(total, totals[thread - 1u]);
        }
        total = combine(total, totals[GROUP - 1u]);
        for (var k = 0u; k < ITEMS; k++) {
            if first + k < mine.end {
                if !EXCLUSIVE {
                    store(here, first + k, combine(before, upto[k]));
                } else if k == 0u {
                    store(here, first, before);
                } else {
                    store(here, first + k, combine(before, upto[k - 1u]));
                }
            }
        }
        // the totals are read before they are written again
        workgroupBarrier();
    }
    if thread == 0u {
        finish(mine.row, mine.chunk, total);
    }
}
