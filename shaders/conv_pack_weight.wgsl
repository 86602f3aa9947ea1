// Weights in the order in which the direct convolution reads them: [group, channel tile, kernel rows, chunk of taps],
// and in each chunk, which starts a multiple of PITCH after the start of its row, [taps, channels of the tile];
// channels past the end are 0. One thread a tap of a tile.
// Given: GROUP, LANES, CHUNK (taps), PITCH (numbers), p.count, p.taps, p.tiles, p.row_taps (taps of kernel rows that are taken together) and fn over_*(i) for these, p.rows,
// p.row_pitch (numbers), p.group_channels, p.w_o, fn weight(k), fn pack(to, at, channels): LANES channels from `at` on, of
// which `channels` exist.
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
    let tile = over_taps(i);
    let group = over_tiles(tile);
    let first = (tile - group * p.tiles) * LANES;
    let k = i - tile * p.taps;
    let row = over_row_taps(k);
    let tap = k - row * p.row_taps;
    let to = (tile * p.rows + row) * p.row_pitch + tap / CHUNK * PITCH + tap % CHUNK * LANES;
    let at = weight(k) + group * p.group_channels * p.w_o;
    pack(to, at + first * p.w_o, p.group_channels - first);
}
