// The second pass of a split reduction: adds the partial results of the splits in order, one thread an output.
// Given: GROUP, p.count, p.splits, partial, fn put(i, value).
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
    var sum = partial[i];
    var at = i;
    for (var s = 1u; s < p.splits; s++) {
        at += p.count;
        sum += partial[at];
    }
    put(i, sum);
}
