// The adjoint of a window op, one thread an element of the input: adds what the windows that cover it give, in
// row-major order. No atomics.
// Given: GROUP, DISJOINT (1: no two windows cover the same element), DILATED (1: taps lie apart, so a window may
// step over the element), p.count, p.places and
// fn over_places(i), fn place(i) -> (z, y, x), p.pad0 .. 2, p.reach0 .. 2 (from the first tap of a window to its
// last), p.stride0 .. 2 and fn over_stride*(i), p.dilation0 .. 2, p.size0 .. 2 (outputs), fn plane_g(i),
// fn given(plane, base, at, place): what the output `at` gives the element `place` of the plane, out.
fn reaches(distance: u32, dilation: u32) -> bool {
    return DILATED == 0u || distance % dilation == 0u;
}

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
    let plane = over_places(i);
    let base = plane_g(plane);
    let place_at = i - plane * p.places;
    // output o covers the padded place q if q - reach <= o * stride <= q
    let q = place(place_at) + vec3(p.pad0, p.pad1, p.pad2);
    if DISJOINT == 1u {
        let at = vec3(over_stride0(q.x), over_stride1(q.y), over_stride2(q.z));
        let distance = q - at * vec3(p.stride0, p.stride1, p.stride2);
        let covered = all(distance <= vec3(p.reach0, p.reach1, p.reach2))
            && all(at < vec3(p.size0, p.size1, p.size2))
            && reaches(distance.x, p.dilation0) && reaches(distance.y, p.dilation1) && reaches(distance.z, p.dilation2);
        out[i] = select(0.0, given(plane, base, select(vec3<u32>(), at, covered), place_at), covered);
        return;
    }
    let before = max(q, vec3(p.reach0, p.reach1, p.reach2)) - vec3(p.reach0, p.reach1, p.reach2);
    let first_z = over_stride0(before.x + p.stride0 - 1u);
    let first_y = over_stride1(before.y + p.stride1 - 1u);
    let first_x = over_stride2(before.z + p.stride2 - 1u);
    let end_z = min(over_stride0(q.x) + 1u, p.size0);
    let end_y = min(over_stride1(q.y) + 1u, p.size1);
    let end_x = min(over_stride2(q.z) + 1u, p.size2);
    var sum = 0.0;
    for (var z = first_z; z < end_z; z++) {
        if !reaches(q.x - z * p.stride0, p.dilation0) { continue; }
        for (var y = first_y; y < end_y; y++) {
            if !reaches(q.y - y * p.stride1, p.dilation1) { continue; }
            for (var x = first_x; x < end_x; x++) {
                if reaches(q.z - x * p.stride2, p.dilation2) {
                    sum += given(plane, base, vec3(z, y, x), place_at);
                }
            }
        }
    }
    out[i] = sum;
}
