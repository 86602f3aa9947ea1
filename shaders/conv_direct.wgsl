// One thread computes LANES output channels at a run of positions along x, all in registers, from packed
// weights and a padded input: no workgroup memory, no barriers, no test of bounds. For software adapters, where
// a load costs about as much as 16 multiply-adds.
// A thread's tile is (split, group, channel tile, sample, z, y, run of x), the last fastest. The reduction goes
// over kernel rows, (channel, tap z, tap y) in this order; a split sums over its own chunk of them.
// Given: RUN (positions of a tile), CHUNK and LAST (taps along x of one `taps` and of `last_taps`), QUADS,
// p.tiles_x, p.height, p.depth, p.batch, p.weights (channel tiles of all groups), p.channel_tiles and fn over_*(i)
// for each, p.tiles, p.groups, p.group_channels, p.positions, p.width, p.rows, p.chunk, p.chunks (calls of `taps` a row), p.kernel0 .. p.kernel2, p.stride0 .. p.stride2,
// p.dilation2, p.x_offset, p.x_n, p.x_group, p.x_c, p.x_tap_z, p.x_tap_y, p.x_z, p.x_y, alias Tile,
// fn taps(acc, x_at, w_at), fn last_taps(acc, x_at, w_at), fn store(at, first_x, channels, acc).
@compute @workgroup_size(8)
fn main(
    @builtin(workgroup_id) workgroup: vec3<u32>,
    @builtin(num_workgroups) workgroups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let tile = (workgroup.y * workgroups.x + workgroup.x) * 8u + thread;
    if tile >= p.tiles {
        return;
    }
    let row_of_tiles = over_tiles_x(tile);
    let first_x = (tile - row_of_tiles * p.tiles_x) * RUN;
    let layer = over_height(row_of_tiles);
    let y = row_of_tiles - layer * p.height;
    let volume = over_depth(layer);
    let z = layer - volume * p.depth;
    let samples = over_batch(volume);
    let n = volume - samples * p.batch;
    let split = over_weights(samples);
    let weights = samples - split * p.weights;
    let group = over_channel_tiles(weights);
    let first_channel = (weights - group * p.channel_tiles) * LANES;

    let first_row = split * p.chunk;
    let end = min(p.rows, first_row + p.chunk);
    let tap_row = first_row / p.kernel1;
    var tap_y = first_row - tap_row * p.kernel1;
    let channel = tap_row / p.kernel0;
    var tap_z = tap_row - channel * p.kernel0;
    var at_x = p.x_offset + n * p.x_n + group * p.x_group + z * p.x_z + y * p.x_y + first_x * p.stride2
        + channel * p.x_c + tap_z * p.x_tap_z + tap_y * p.x_tap_y;
    var at_w = (weights * p.rows + first_row) * p.kernel2 * QUADS;

    var acc: Tile;
    for (var row = first_row; row < end; row++) {
        var x = at_x;
        for (var i = 0u; i < p.chunks; i++) {
            taps(&acc, x, at_w);
            x += CHUNK * p.dilation2;
            at_w += CHUNK * QUADS;
        }
        if LAST > 0u {
            last_taps(&acc, x, at_w);
            at_w += LAST * QUADS;
        }
        tap_y++;
        at_x += p.x_tap_y;
        if tap_y == p.kernel1 {
            tap_y = 0u;
            tap_z++;
            at_x += p.x_tap_z - p.kernel1 * p.x_tap_y;
            if tap_z == p.kernel0 {
                tap_z = 0u;
                at_x += p.x_c - p.kernel0 * p.x_tap_z;
            }
        }
    }

    let plane = (split * p.batch + n) * p.groups * p.group_channels + group * p.group_channels + first_channel;
    let at = plane * p.positions + (z * p.height + y) * p.width + first_x;
    store(at, first_x, p.group_channels - first_channel, &acc);
}
