// Every position of the iteration space once. A workgroup walks REPEAT stretches of GROUP positions (of four
// elements each in the vec4 variant), so neighbouring threads touch neighbouring memory.
// Given: GROUP, REPEAT, p.count, fn evaluate(i: u32).
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    var i = (group.y * groups.x + group.x) * (GROUP * REPEAT) + thread;
    for (var k = 0u; k < REPEAT; k++) {
        if i < p.count {
            evaluate(i);
        }
        i += GROUP;
    }
}
