// Adds up, for each output position (left, j, right), the terms along the axis whose index is j: a scan over
// all of them, in order. Sums of BLOCK matches in a row, then of the sums.
// Given: GROUP, BLOCK, p.count, p.length, alias T, fn place(slot) -> Place, fn matches(place, i), fn term(place, i),
// fn store(slot, value).
@compute @workgroup_size(GROUP)
fn main(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(num_workgroups) groups: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let slot = (group.y * groups.x + group.x) * GROUP + thread;
    if slot >= p.count {
        return;
    }
    let here = place(slot);
    var total = T();
    var part = T();
    var taken = 0u;
    for (var i = 0u; i < p.length; i++) {
        if matches(here, i) {
            part += term(here, i);
            taken++;
            if taken == BLOCK {
                total += part;
                part = T();
                taken = 0u;
            }
        }
    }
    store(slot, total + part);
}
