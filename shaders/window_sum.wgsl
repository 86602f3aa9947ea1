// The sum over a window, one thread an output; padding adds nothing.
// Given: GROUP, p.count, p.positions and fn over_positions(i), fn position(i) -> (z, y, x), fn plane_x(i),
// p.stride0 .. 2, p.pad0 .. 2, p.dilation0 .. 2, fn kernel0() .. 2, p.size0 .. 2 (of the input), p.x_s0 .. 2, x, out.
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
    let plane = over_positions(i);
    let base = plane_x(plane);
    // a place in the padding before the start wraps to a huge one
    let start = position(i - plane * p.positions) * vec3(p.stride0, p.stride1, p.stride2)
        - vec3(p.pad0, p.pad1, p.pad2);
    var sum = 0.0;
    for (var tap_z = 0u; tap_z < kernel0(); tap_z++) {
        let z = start.x + tap_z * p.dilation0;
        if z >= p.size0 { continue; }
        for (var tap_y = 0u; tap_y < kernel1(); tap_y++) {
            let y = start.y + tap_y * p.dilation1;
            if y >= p.size1 { continue; }
            let row = base + z * p.x_s0 + y * p.x_s1;
            for (var tap_x = 0u; tap_x < kernel2(); tap_x++) {
                let column = start.z + tap_x * p.dilation2;
                if column < p.size2 { sum += x[row + column * p.x_s2]; }
            }
        }
    }
    out[i] = sum;
}
