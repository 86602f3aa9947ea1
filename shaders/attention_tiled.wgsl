// As attention_thread, with TILE rows of the other side at a time in workgroup memory, which all threads read.
// Given: as attention_thread; TILE (a multiple of STEP), fn stage(at, j, end, thread): a thread's part of bringing rows
// j to j + TILE - 1 there, zeros from `end` on.
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
    for (var j = range.x; j < range.y; j += TILE) {
        workgroupBarrier();
        stage(at, j, range.y, thread);
        workgroupBarrier();
        for (var t = 0u; t < TILE; t += STEP) {
            advance(&state, at, first + thread, j, t, range.y, thread);
        }
    }
    finish(&state, at, first + thread);
}
