// Attention: each thread owns OWNED rows, GROUP apart, and goes through the rows of the other side, which it reads from
// memory itself. Queries are owned and keys gone through, but for the gradients of keys and values, where it is the
// other way round.
// Given: GROUP, OWNED, STEP (rows at a time); p.blocks, p.row_blocks and fn over_row_blocks(i), struct State, struct
// Place, fn place(batch), fn begin(state, at, row), fn others(first): the first of the other rows and one past the
// last, for a block whose first row is `first`, fn advance(state, at, row, j, t, end, lane): rows j + t to
// j + t + STEP - 1 of the other side, fn finish(state, at, row).
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let index = group.y * groups.x + group.x;
    if index >= p.blocks {
        return;
    }
    let batch = over_row_blocks(index);
    let first = (index - batch * p.row_blocks) * (GROUP * OWNED);
    let at = place(batch);
    var state: State;
    begin(&state, at, first + thread);
    let range = others(first);
    for (var j = range.x; j < range.y; j += STEP) {
        advance(&state, at, first + thread, j, 0u, range.y, thread);
    }
    finish(&state, at, first + thread);
}
