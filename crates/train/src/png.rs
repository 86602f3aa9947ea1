//! Pictures as PNG, without compression: small ones, and no encoder to build.

/// 8-bit pixels, row by row, as a PNG file. `channels` is 1 (grey), 3 (RGB) or 4 (RGBA); `pixels` holds
/// `height`·`width`·`channels` bytes.
pub(crate) fn png(pixels: &[u8], height: u32, width: u32, channels: u8) -> Vec<u8> {
    let colour = match channels {
        1 => 0,
        3 => 2,
        _ => 6,
    };
    let mut header = [height.to_be_bytes(); 2].concat();
    header.splice(..4, width.to_be_bytes());
    // bits, colour, then the only compression, filter and interlace methods
    header.extend([8, colour, 0, 0, 0]);
    let row = (width as usize).saturating_mul(usize::from(channels)).max(1);
    // every row begins with its filter: none
    let rows: Vec<u8> =
        pixels.chunks(row).flat_map(|row| std::iter::once(0).chain(row.iter().copied())).collect();
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [(b"IHDR", header), (b"IDAT", zlib(&rows)), (b"IEND", Vec::new())] {
        file.extend((data.len() as u32).to_be_bytes());
        let start = file.len();
        file.extend_from_slice(kind);
        file.extend(data);
        let checksum = crc32fast::hash(file.get(start..).unwrap_or_default());
        file.extend(checksum.to_be_bytes());
    }
    file
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, 3.2.4).
fn zlib(data: &[u8]) -> Vec<u8> {
    const BLOCK: usize = 0xffff;
    let mut stream = vec![0x78, 0x01];
    let blocks = data.len().div_ceil(BLOCK);
    for (at, block) in data.chunks(BLOCK).enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(at + 1 == blocks));
        stream.extend(length.to_le_bytes());
        stream.extend((!length).to_le_bytes());
        stream.extend_from_slice(block);
    }
    let (mut a, mut b) = (1u32, 0u32);
    for &byte in data {
        a = (a + u32::from(byte)) % 65521;
        b = (b + a) % 65521;
    }
    stream.extend((b << 16 | a).to_be_bytes());
    stream
}
