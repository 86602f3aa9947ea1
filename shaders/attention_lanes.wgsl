// As attention_thread, where a workgroup is a subgroup of eight: each thread loads a part of a row, and the threads hand
// the parts round. For software adapters, where loads cost one thread after the other.
// Given: as attention_thread; GROUP is 8.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(subgroup_invocation_id) lane: u32,
) {
    let index = group.y * groups.x + group.x;
    if index >= p.blocks {
        return;
    }
    let batch = over_row_blocks(index);
    let first = (index - batch * p.row_blocks) * (GROUP * OWNED);
    let at = place(batch);
    var state: State;
    begin(&state, at, first + lane);
    let range = others(first);
    for (var j = range.x; j < range.y; j += STEP) {
        advance(&state, at, first + lane, j, 0u, range.y, lane);
    }
    finish(&state, at, first + lane);
}
