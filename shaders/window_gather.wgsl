// Picks from every plane the elements at given places, one thread an output; a place outside the plane reads 0.
// Given: GROUP, T, p.count, p.positions and fn over_positions(i), p.places, fn place(i) -> (z, y, x) in the input,
// fn plane_x(i), p.x_s0 .. 2, fn index_at(i), x, index, out.
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
    let wanted = index[index_at(i)];
    let at = place(min(wanted, p.places - 1u));
    let found = x[plane_x(over_positions(i)) + at.x * p.x_s0 + at.y * p.x_s1 + at.z * p.x_s2];
    out[i] = select(T(), found, wanted < p.places);
}
