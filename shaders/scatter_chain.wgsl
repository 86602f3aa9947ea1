// Adds up, for each output position (line, j, right), the chain of j that scatter_link.wgsl made, in order.
// Sums of BLOCK terms in a row, then of the sums.
// Given: GROUP, BLOCK, NONE, p.count, alias T, fn place(slot) -> Place, fn first(place), fn following(place, i),
// fn term(place, i), fn store(slot, value).
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
    var i = first(here);
    while i != NONE {
        part += term(here, i);
        taken++;
        if taken == BLOCK {
            total += part;
            part = T();
            taken = 0u;
        }
        i = following(here, i);
    }
    store(slot, total + part);
}
