// One thread an output element, the reference the other variants are tested against.
// A split sums over its own chunk of the taps of all channels. Outputs are counted as [splits, batch, channels, z, y, x].
// Given: GROUP, p.count, p.chunk, p.taps, p.positions, fn over_positions(i), p.channels, p.group_channels, p.batch, fn position(i),
// fn tap(k) -> (channel, z, y, x), fn origin(at), fn gather(base, origin, tap), p.x_offset, p.x_n, p.x_group,
// p.w_o, p.out_split, p.out_n, p.out_c, fn weight(k), w, fn put(i, value).
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
    let sample = plane / p.channels;
    let channel = plane - sample * p.channels;
    let split = sample / p.batch;
    let base = p.x_offset + (sample - split * p.batch) * p.x_n + channel / p.group_channels * p.x_group;
    let start = origin(position(i - plane * p.positions));
    let first = split * p.chunk;
    let end = min(p.taps, first + p.chunk);
    var sum = 0.0;
    for (var k = first; k < end; k++) {
        sum += w[weight(k) + channel * p.w_o] * gather(base, start, tap(k));
    }
    let n = sample - split * p.batch;
    put(split * p.out_split + n * p.out_n + channel * p.out_c + i - plane * p.positions, sum);
}
