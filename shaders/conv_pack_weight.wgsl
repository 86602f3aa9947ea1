// Weights in the order in which the direct convolution reads them: [group, channel tile, taps], and in each the
// LANES output channels of the tile side by side; channels past the end are 0. One thread a tap of a tile.
// Given: GROUP, LANES, p.count, p.taps, p.tiles and fn over_*(i) for both, p.group_channels, p.w_o, fn weight(k), w, out.
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
    let row = over_taps(i);
    let group = over_tiles(row);
    let first = (row - group * p.tiles) * LANES;
    let at = weight(i - row * p.taps) + group * p.group_channels * p.w_o;
    let last = p.group_channels - 1u;
    for (var lane = 0u; lane < LANES; lane++) {
        let channel = first + lane;
        out[i * LANES + lane] = select(0.0, w[at + min(channel, last) * p.w_o], channel <= last);
    }
}
