//! Who takes part.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program with the device that it is to use.
pub struct Contestant {
    pub name: &'static str,
    program: &'static str,
    device: &'static str,
}

/// Those that are compared with each other; anygrad is the first of each group.
pub fn groups() -> [Vec<Contestant>; 2] {
    let one = |name, program, device| Contestant { name, program, device };
    let groups = [
        vec![
            one("anygrad cpu", "anygrad-peer", "cpu"),
            one("burn flex", "burn-peer", "flex"),
            one("burn ndarray", "burn-peer", "ndarray"),
            one("candle", "candle-peer", "cpu"),
            one("pytorch", "torch_peer.py", "cpu"),
        ],
        vec![one("anygrad vulkan", "anygrad-peer", "software"), one("burn wgpu", "burn-peer", "wgpu")],
    ];
    // whoever has not been built is left out
    groups.map(|group| group.into_iter().filter(|one| one.path().is_ok_and(|path| path.exists())).collect())
}

impl Contestant {
    fn path(&self) -> std::io::Result<PathBuf> {
        if self.program.ends_with(".py") {
            return Ok(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(self.program));
        }
        Ok(std::env::current_exe()?.with_file_name(self.program))
    }

    /// The command that plays this contestant on a workload. Programs are beside this one; Python is `$PYTHON`.
    pub fn command(&self, workload: &str) -> std::io::Result<Command> {
        let mut command = if self.program.ends_with(".py") {
            let mut command = Command::new(std::env::var("PYTHON").unwrap_or("python3".into()));
            command.arg(self.path()?);
            command
        } else {
            Command::new(self.path()?)
        };
        command.arg(self.device).args(workload.split(' '));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        Ok(command)
    }
}
