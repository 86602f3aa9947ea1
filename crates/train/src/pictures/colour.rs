/// A colour with an opacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colour {
    /// Red, green and blue.
    pub rgb: [u8; 3],
    /// From 0, not to be seen, to 255, hiding what is below.
    pub opacity: u8,
}

/// The colours of Okabe and Ito ("Color universal design", 2008), which people with any colour vision tell apart.
const SERIES: [u32; 8] = [0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0x56B4E9, 0xE69F00, 0x000000, 0x8A7F00];

impl Colour {
    pub(crate) const TEXT: Self = Self::hex(0x333333);
    pub(crate) const WHITE: Self = Self::hex(0xFFFFFF);
    pub(crate) const AXIS: Self = Self::hex(0x888888);
    pub(crate) const GRID: Self = Self::hex(0xE3E3E3);

    /// An opaque colour from `0xRRGGBB`.
    pub const fn hex(rgb: u32) -> Self {
        Self { rgb: [(rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8], opacity: 255 }
    }

    /// The colour of series or class `index`; eight of them, then from the start again.
    pub fn of(index: usize) -> Self {
        Self::hex(SERIES.into_iter().cycle().nth(index % SERIES.len()).unwrap_or_default())
    }

    /// The same colour with another opacity, from 0 to 1.
    #[must_use]
    pub fn with_opacity(self, opacity: f64) -> Self {
        Self { opacity: (opacity.clamp(0.0, 1.0) * 255.0).round() as u8, ..self }
    }

    /// `share` of this colour and the rest of `other`.
    pub(crate) fn mixed(self, other: Self, share: f64) -> Self {
        let mut rgb = self.rgb;
        for (own, other) in rgb.iter_mut().zip(other.rgb) {
            *own = (f64::from(*own) * share + f64::from(other) * (1.0 - share)).round() as u8;
        }
        Self { rgb, opacity: self.opacity }
    }

    /// Whether black letters are easier to read on it than white ones (the luma of ITU-R BT.601).
    pub(crate) fn is_light(self) -> bool {
        let [red, green, blue] = self.rgb.map(f64::from);
        0.299 * red + 0.587 * green + 0.114 * blue > 140.0
    }
}

/// How numbers become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColourMap {
    /// From dark violet over green to yellow (viridis, by van der Walt and Smith, 2015): ascending values.
    Viridis,
    /// From white to dark blue: shares and counts.
    Blues,
    /// From blue over white to orange: values around 0.
    BlueOrange,
    /// From black to white: pictures in grey.
    Grey,
}

impl ColourMap {
    /// The colour at `place`, from 0 to 1; what is outside takes the colour of the nearer end.
    pub fn at(self, place: f64) -> Colour {
        let stops: &[u32] = match self {
            Self::Viridis => &[
                0x440154, 0x482878, 0x3E4A89, 0x31688E, 0x26828E, 0x1F9E89, 0x35B779, 0x6DCD59, 0xB4DE2C,
                0xFDE725,
            ],
            Self::Blues => &[0xF7FBFF, 0xDEEBF7, 0xC6DBEF, 0x9ECAE1, 0x6BAED6, 0x4292C6, 0x2171B5, 0x084594],
            Self::BlueOrange => &[0x0B559F, 0x5A9BD0, 0xB4D3EA, 0xF7F7F7, 0xFBCB98, 0xE9862E, 0xA63D03],
            Self::Grey => &[0x000000, 0xFFFFFF],
        };
        let last = stops.len() - 1;
        let along = if place.is_nan() { 0.0 } else { place.clamp(0.0, 1.0) } * last as f64;
        let below = (along.floor() as usize).min(last - 1);
        let stop = |index: usize| Colour::hex(stops.get(index).copied().unwrap_or_default());
        stop(below + 1).mixed(stop(below), along - below as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_hit_their_stops_and_mix_between_them() {
        assert_eq!(ColourMap::Viridis.at(0.0), Colour::hex(0x440154));
        assert_eq!(ColourMap::Viridis.at(2.0), Colour::hex(0xFDE725));
        assert_eq!(ColourMap::BlueOrange.at(0.5), Colour::hex(0xF7F7F7));
        assert_eq!(ColourMap::Grey.at(0.5), Colour::hex(0x808080));
        assert_eq!(ColourMap::Grey.at(f64::NAN), Colour::hex(0));
    }

    #[test]
    fn series_have_different_colours() {
        let mut colours: Vec<_> = (0..8).map(|index| Colour::of(index).rgb).collect();
        colours.sort_unstable();
        colours.dedup();
        assert_eq!(colours.len(), 8);
        assert_eq!(Colour::of(9), Colour::of(1));
    }
}
