// One thread computes a row from the first walk over it to the last.
// Given: GROUP, p.rows, fn row.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = (group.y * groups.x + group.x) * GROUP + thread;
    if slot < p.rows {
        row(slot, 0u);
    }
}
