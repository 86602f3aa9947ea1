//! Pictures as SVG.

use std::fmt::Write;

use super::picture::{Mark, Pixels, Text};
use super::{Anchor, Colour, Picture, Stroke};

/// The file's text. Writing to a `String` cannot fail.
pub(crate) fn write(picture: &Picture) -> String {
    let (width, height) = (picture.width(), picture.height());
    let mut svg = String::new();
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" font-family="DejaVu Sans, Verdana, Helvetica, Arial, sans-serif" fill="{}">"##,
        hex(Colour::TEXT)
    );
    let _ = writeln!(svg, r#"<rect width="{width}" height="{height}" fill="white"/>"#);
    for mark in picture.marks() {
        write_mark(&mut svg, mark);
    }
    svg.push_str("</svg>\n");
    svg
}

fn write_mark(svg: &mut String, mark: &Mark) {
    match mark {
        Mark::Path { parts, closed, fill, stroke } => {
            let mut data = String::new();
            for part in parts {
                for (index, (x, y)) in part.iter().enumerate() {
                    let _ = write!(data, "{}{x:.1} {y:.1}", if index == 0 { 'M' } else { 'L' });
                }
                data.push_str(if *closed { "Z" } else { "" });
            }
            let _ = writeln!(svg, r#"<path d="{data}"{}/>"#, style(*fill, *stroke));
        }
        Mark::Circle { centre: (x, y), radius, fill, stroke } => {
            let style = style(*fill, *stroke);
            let _ = writeln!(svg, r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}"{style}/>"#);
        }
        Mark::Text(text) => write_text(svg, text),
        Mark::Image { at: (x, y), size: (width, height), pixels } => {
            let data = base64(&png(pixels));
            let _ = writeln!(
                svg,
                r#"<image x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" preserveAspectRatio="none" style="image-rendering:pixelated" href="data:image/png;base64,{data}"/>"#
            );
        }
    }
}

fn write_text(svg: &mut String, text: &Text) {
    let (x, y) = text.at;
    let _ = match text.upwards {
        true => write!(svg, r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)""#),
        false => write!(svg, r#"<text x="{x:.1}" y="{y:.1}""#),
    };
    let _ = write!(svg, r#" font-size="{:.1}""#, text.size);
    svg.push_str(match text.anchor {
        Anchor::Start => "",
        Anchor::Middle => r#" text-anchor="middle""#,
        Anchor::End => r#" text-anchor="end""#,
    });
    svg.push_str(if text.bold { r#" font-weight="bold""# } else { "" });
    if text.colour != Colour::TEXT {
        let _ = write!(svg, r#" fill="{}""#, hex(text.colour));
    }
    let _ = writeln!(svg, ">{}</text>", escape(&text.text));
}

fn style(fill: Option<Colour>, stroke: Option<Stroke>) -> String {
    let mut style = match fill {
        None => r#" fill="none""#.to_owned(),
        Some(colour) => format!(r#" fill="{}"{}"#, hex(colour), opacity("fill", colour)),
    };
    if let Some(Stroke { colour, width, dashed }) = stroke {
        let (hex, opacity) = (hex(colour), opacity("stroke", colour));
        let _ = write!(style, r#" stroke="{hex}"{opacity} stroke-width="{width}" stroke-linejoin="round""#);
        style.push_str(if dashed { r#" stroke-dasharray="6 4""# } else { "" });
    }
    style
}

fn hex(colour: Colour) -> String {
    let [red, green, blue] = colour.rgb;
    format!("#{red:02X}{green:02X}{blue:02X}")
}

fn opacity(what: &str, colour: Colour) -> String {
    match colour.opacity {
        255 => String::new(),
        opacity => format!(r#" {what}-opacity="{:.2}""#, f64::from(opacity) / 255.0),
    }
}

/// Text as XML may hold it: marks escaped, control characters as spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // U+FFFE and U+FFFF are no characters of XML
            character if character.is_control() || matches!(character, '\u{FFFE}' | '\u{FFFF}') => {
                escaped.push(' ');
            }
            character => escaped.push(character),
        }
    }
    escaped
}

/// The pixels as a small PNG file.
fn png(pixels: &Pixels) -> Vec<u8> {
    crate::png::png(pixels.colours.as_flattened(), pixels.rows as u32, pixels.columns as u32, 3)
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for place in 0..4 {
            let letter = LETTERS.get((bits >> (18 - 6 * place) & 63) as usize).copied().unwrap_or(b'=');
            text.push(char::from(if place > three.len() { b'=' } else { letter }));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_the_examples_of_rfc_4648() {
        for (bytes, text) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn marks_become_elements() {
        let mut picture = Picture::new(50.0, 40.0);
        let faint = Stroke { dashed: true, ..Stroke::new(Colour::hex(0x010203).with_opacity(0.5), 2.0) };
        picture.polygon(&[(1.0, 2.0), (3.0, 4.0)], Some(Colour::hex(0xABCDEF)), Some(faint));
        picture.put_text(Text::new("<a>\u{7}&", 5.0, 6.0, 12.0, Anchor::End).bold().upwards());
        let svg = picture.to_svg();
        let path = r##"<path d="M1.0 2.0L3.0 4.0Z" fill="#ABCDEF" stroke="#010203" stroke-opacity="0.50" stroke-width="2" stroke-linejoin="round" stroke-dasharray="6 4"/>"##;
        assert!(svg.contains(path), "{svg}");
        let text = r#"<text transform="translate(5.0 6.0) rotate(-90)" font-size="12.0" text-anchor="end" font-weight="bold">&lt;a&gt; &amp;</text>"#;
        assert!(svg.contains(text), "{svg}");
    }

    /// The reader is that of tiny-skia, which checks every checksum.
    #[cfg(feature = "png")]
    #[test]
    fn an_image_within_a_picture_is_a_valid_png() {
        // more than one stored block: 150·150·3 bytes and a filter byte a row are more than 65,535
        let colours: Vec<_> = (0..22_500u32).map(|i| [i as u8, (i >> 8) as u8, 7]).collect();
        let pixels = Pixels { columns: 150, rows: 150, colours: colours.clone() };
        let read = tiny_skia::Pixmap::decode_png(&png(&pixels)).unwrap();
        let read: Vec<_> = read.pixels().iter().map(|p| [p.red(), p.green(), p.blue()]).collect();
        assert_eq!(read, colours);
    }
}
