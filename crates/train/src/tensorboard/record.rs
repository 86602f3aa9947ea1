//! TFRecord: the framing of TensorBoard's event files.

/// A record: its length, the masked checksum of the length, the bytes, and their masked checksum.
pub(super) fn record(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len().saturating_add(16));
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked(crc32c(&length)).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked(crc32c(data)).to_le_bytes());
    record
}

/// TensorFlow's mask, which makes the checksum of data that holds checksums useful (tensorflow/core/lib/hash/crc32c.h).
fn masked(crc: u32) -> u32 {
    crc.rotate_right(15).wrapping_add(0xa282_ead8)
}

/// What a byte alone does to the checksum: the reflected Castagnoli polynomial 0x82f63b78, eight times.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[byte] = crc;
        byte += 1;
    }
    table
};

/// CRC-32C (Castagnoli, RFC 3720 appendix B.4).
fn crc32c(data: &[u8]) -> u32 {
    !data.iter().fold(!0, |crc: u32, &byte| {
        let at = (crc ^ u32::from(byte)) & 0xff;
        (crc >> 8) ^ TABLE.get(at as usize).copied().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers of RFC 3720, appendix B.4.
    #[test]
    fn crc32c_gives_the_known_answers() {
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
        assert_eq!(crc32c(&[0xff; 32]), 0x62a8_ab43);
        let up: Vec<u8> = (0..32).collect();
        assert_eq!(crc32c(&up), 0x46dd_794e);
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }
}
