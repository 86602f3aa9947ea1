// One workgroup computes a row: each thread takes every GROUP-th term of every walk over it.
// Given: GROUP (a power of two), p.rows, fn row, which has barriers.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = group.y * groups.x + group.x;
    // the same for the whole workgroup, so the barriers stay uniform
    if slot < p.rows {
        row(slot, thread);
    }
}
