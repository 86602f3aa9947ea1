// The input with its padding written out and spread by the input dilation, so that the direct convolution needs
// no test of bounds: planes of p.rows rows, each of p.quads vectors. One thread a vector.
// Given: GROUP, p.count, p.quads, p.height, p.rows, p.channels and fn over_*(i) for each, p.x_n, p.x_c, fn gather(base, at, tap),
// p.x_offset, p.pad0 .. p.pad2 (as wrapping negatives), x, out.
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let i = (workgroup.y * workgroups.x + workgroup.x) * GROUP + thread;
    if i >= p.count {
        return;
    }
    let row = over_quads(i);
    let plane = over_rows(row);
    let line = row - plane * p.rows;
    let z = over_height(line);
    let n = over_channels(plane);
    let base = p.x_offset + n * p.x_n + (plane - n * p.channels) * p.x_c;
    let at = vec3(z - p.pad0, line - z * p.height - p.pad1, (i - row * p.quads) * 4u - p.pad2);
    let none = vec4<u32>();
    out[i] = vec4(
        gather(base, at, none),
        gather(base, at + vec3(0u, 0u, 1u), none),
        gather(base, at + vec3(0u, 0u, 2u), none),
        gather(base, at + vec3(0u, 0u, 3u), none),
    );
}
