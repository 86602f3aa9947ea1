use std::fs;
use std::path::Path;

use crate::{DeviceError, Gpu, whole_file};

/// The first line of a file.
const MAGIC: &str = "anygrad tuning 1";

impl Gpu {
    /// What the choices hold for: the version of this crate, adapter and driver.
    fn tuned_for(&self) -> String {
        let info = self.info();
        let text = format!(
            "{} {} {} {} {:x}",
            env!("CARGO_PKG_VERSION"),
            info.backend,
            info.name,
            info.driver,
            info.vendor
        );
        text.replace(['\n', '\r', '\t'], " ")
    }

    /// Writes what [`Gpu::tune`] chose to a text file, whole or not at all, with the adapter, the driver, the version of
    /// this crate, and a checksum.
    ///
    /// # Errors
    /// [`DeviceError::File`].
    pub fn save_choices(&self, path: &Path) -> Result<(), DeviceError> {
        let content = encode(&self.tuned_for(), &self.choices().entries());
        whole_file::write(path, content.as_bytes()).map_err(|error| failed(path, &error.to_string()))
    }

    /// Takes the choices of a file that [`Gpu::save_choices`] wrote, besides those there are, and says how many. Plans
    /// that are made already stay as they are.
    ///
    /// # Errors
    /// [`DeviceError::File`] if it cannot be read, is damaged, or was measured on another adapter, driver or version of
    /// this crate; then nothing is taken from it.
    pub fn load_choices(&self, path: &Path) -> Result<usize, DeviceError> {
        let text = fs::read_to_string(path).map_err(|error| failed(path, &error.to_string()))?;
        let entries = decode(&text, &self.tuned_for()).map_err(|message| failed(path, &message))?;
        let count = entries.len();
        self.choices().insert(entries);
        Ok(count)
    }
}

fn failed(path: &Path, message: &str) -> DeviceError {
    DeviceError::File { path: path.to_owned(), message: message.to_owned() }
}

/// Magic, what it holds for, a line for each case, and the checksum of all that.
fn encode(tuned_for: &str, entries: &[(String, String)]) -> String {
    let mut text = format!("{MAGIC}\n{tuned_for}\n");
    for (case, variant) in entries {
        text.push_str(&format!("{case}\t{variant}\n"));
    }
    let sum = crc32fast::hash(text.as_bytes());
    format!("{text}checksum {sum:08x}\n")
}

fn decode(text: &str, tuned_for: &str) -> Result<Vec<(String, String)>, String> {
    let damaged = || "it is no file of choices, or is damaged; tune again".to_owned();
    let (content, sum) = text.split_once("checksum ").ok_or_else(damaged)?;
    if sum != format!("{:08x}\n", crc32fast::hash(content.as_bytes())) {
        return Err(damaged());
    }
    let mut lines = content.lines();
    if lines.next() != Some(MAGIC) {
        return Err(damaged());
    }
    match lines.next() {
        Some(own) if own == tuned_for => {}
        Some(own) => {
            return Err(format!("it was measured on \"{own}\", and this is \"{tuned_for}\"; tune again"));
        }
        None => return Err(damaged()),
    }
    let entry =
        |line: &str| line.split_once('\t').map(|(case, variant)| (case.to_owned(), variant.to_owned()));
    lines.map(|line| entry(line).ok_or_else(damaged)).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn any_damage_and_any_other_adapter_is_noticed() {
        let entries = vec![("matmul [1,2] [2,3]".to_owned(), "tiled_small/4".to_owned())];
        let text = encode("0.1.0 Vulkan A", &entries);
        assert_eq!(decode(&text, "0.1.0 Vulkan A").unwrap(), entries);
        let error = decode(&text, "0.1.0 Vulkan B").unwrap_err();
        assert!(error.contains("0.1.0 Vulkan A") && error.contains("0.1.0 Vulkan B"), "{error}");
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] ^= 1;
            let damaged = String::from_utf8(damaged).unwrap();
            assert!(decode(&damaged, "0.1.0 Vulkan A").is_err(), "byte {at}");
            assert!(decode(&text[..at], "0.1.0 Vulkan A").is_err(), "cut at {at}");
        }
        assert_eq!(decode(&encode("A", &[]), "A"), Ok(Vec::new()));
        assert!(decode("", "A").is_err());
    }
}
