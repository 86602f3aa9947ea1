// The places of the largest elements of windows that hold nothing but padding.
// Given: GROUP, p.count, out.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * GROUP + thread;
    if i < p.count {
        out[i] = 0xffffffffu;
    }
}
