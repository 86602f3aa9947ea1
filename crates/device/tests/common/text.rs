//! Checks of a kernel's text that need no adapter.

use anygrad_device::{Access, Caps, Launch, Lowered, Operand};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

/// Every launch is a valid WebGPU module whose declarations match its plain data, and translates to SPIR-V,
/// MSL and HLSL.
pub fn check_text(lowered: &Lowered, caps: &Caps) {
    for launch in &lowered.launches {
        let (module, info) = parse(&launch.source);
        check_declarations(launch, &module, caps);
        let subgroups = uses_subgroups(&launch.source);
        // the least of each language that has them, and else the least that wgpu runs on
        let spirv = naga::back::spv::Options {
            lang_version: if subgroups { (1, 3) } else { (1, 0) },
            ..Default::default()
        };
        naga::back::spv::write_vec(&module, &info, &spirv, None)
            .unwrap_or_else(|e| panic!("SPIR-V: {e}\n{}", launch.source));
        let lang_version = if subgroups { (2, 4) } else { (2, 0) };
        let options = naga::back::msl::Options { lang_version, ..Default::default() };
        naga::back::msl::write_string(&module, &info, &options, &Default::default())
            .unwrap_or_else(|e| panic!("MSL: {e}\n{}", launch.source));
        let (mut text, mut options) = (String::new(), naga::back::hlsl::Options::default());
        let pipeline = Default::default();
        if subgroups {
            options.shader_model = naga::back::hlsl::ShaderModel::V6_0;
        }
        naga::back::hlsl::Writer::new(&mut text, &options, &pipeline)
            .write(&module, &info, None)
            .unwrap_or_else(|e| panic!("HLSL: {e}\n{}", launch.source));
    }
    for (i, bytes) in lowered.scratch.iter().enumerate() {
        assert!(*bytes > 0 && bytes % 4 == 0, "scratch {i} of {bytes} bytes");
    }
}

fn uses_subgroups(source: &str) -> bool {
    source.contains("subgroup")
}

/// Parses and validates with the capabilities every WebGPU adapter has, and subgroups if the text uses them.
pub fn parse(source: &str) -> (naga::Module, ModuleInfo) {
    let module = naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(source)));
    let capabilities = if uses_subgroups(source) { Capabilities::SUBGROUP } else { Capabilities::empty() };
    let info = Validator::new(ValidationFlags::all(), capabilities)
        .subgroup_stages(naga::valid::ShaderStages::COMPUTE)
        .subgroup_operations(naga::valid::SubgroupOperationSet::all())
        .validate(&module)
        .unwrap_or_else(|e| panic!("{}\n{source}", e.emit_to_string(source)));
    (module, info)
}

fn check_declarations(launch: &Launch, module: &naga::Module, caps: &Caps) {
    let name = format!("{} {}", launch.family, launch.variant);
    let types = module.to_ctx();
    let mut bindings = Vec::new();
    let mut workgroup_bytes = 0;
    for (_, variable) in module.global_variables.iter() {
        match variable.space {
            naga::AddressSpace::Uniform => {
                let size = module.types[variable.ty].inner.size(types);
                assert_eq!(size as usize, 4 * launch.params.len(), "{name}: params");
                assert_eq!(variable.binding.map(|b| (b.group, b.binding)), Some((0, 0)));
            }
            naga::AddressSpace::Storage { access } => {
                let binding = variable.binding.unwrap();
                assert_eq!(binding.group, 0);
                bindings.push((binding.binding, access.contains(naga::StorageAccess::STORE)));
            }
            naga::AddressSpace::WorkGroup => {
                workgroup_bytes += module.types[variable.ty].inner.size(types);
            }
            _ => {}
        }
    }
    bindings.sort_unstable();
    let declared: Vec<(u32, bool)> =
        (1..).zip(&launch.bindings).map(|(i, (_, access))| (i, *access == Access::ReadWrite)).collect();
    assert_eq!(bindings, declared, "{name}: bindings");
    for (operand, access) in &launch.bindings {
        assert!(!(matches!(operand, Operand::Input(_)) && *access == Access::ReadWrite), "{name}");
        let same = launch.bindings.iter().filter(|(o, _)| o == operand);
        let writes = same.clone().filter(|(_, a)| *a == Access::ReadWrite).count();
        assert!(writes == 0 || same.count() == 1, "{name}: {operand:?} is bound twice and written");
    }
    assert!(bindings.len() <= caps.storage_buffers as usize, "{name}: {} bindings", bindings.len());
    assert!(workgroup_bytes <= caps.workgroup_bytes, "{name}: {workgroup_bytes} bytes");
    let entry = module.entry_points.iter().find(|e| e.name == "main").expect("entry point main");
    assert!(entry.workgroup_size.iter().product::<u32>() <= caps.max_threads, "{name}: threads");
    assert!(launch.grid.iter().all(|g| (1..=caps.max_groups).contains(g)), "{name}: {:?}", launch.grid);
}
