// The sum over an interval of an axis, one thread an output.
// Given: GROUP, T, p.count, fn start_of(i), the position of input 0 of output i, p.step, from one input to the next,
// p.inner and fn over_inner(i), p.outputs and fn over_outputs(i), fn interval(o) -> (first input, end), x, out.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (group.y * groups.x + group.x) * GROUP + thread;
    if i >= p.count {
        return;
    }
    let row = over_inner(i);
    let inputs = interval(row - over_outputs(row) * p.outputs);
    let start = start_of(i);
    var sum = T();
    for (var at = inputs.x; at < inputs.y; at++) {
        sum += x[start + at * p.step];
    }
    out[i] = sum;
}
