//! Fuzz bytes read as a list of instructions, and a capture written from them.

/// What is left of the instructions.
pub(super) struct Script<'a>(pub(super) &'a [u8]);

impl<'a> Script<'a> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// So many bytes, or as many as there are.
    pub(super) fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// As many bytes as the two in front of them say; without those, what is left.
    pub(super) fn counted(&mut self) -> &'a [u8] {
        let count = self.array::<2>().map_or(u16::MAX, u16::from_be_bytes);
        self.take(usize::from(count))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A pcap file, one frame a millisecond.
pub(super) struct Pcap {
    pub(super) bytes: Vec<u8>,
    frames: u32,
}

impl Pcap {
    pub(super) fn new(link: u32) -> Self {
        let words = [0xa1b2_c3d4u32, 0x0004_0002, 0, 0, 262_144, link];
        Self { bytes: words.iter().flat_map(|word| word.to_le_bytes()).collect(), frames: 0 }
    }

    /// A frame of which the last `cut` bytes were not captured.
    pub(super) fn frame(&mut self, frame: &[u8], cut: usize) {
        let captured = &frame[..frame.len().saturating_sub(cut)];
        let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let (seconds, micros) = (self.frames / 1000, self.frames % 1000 * 1000);
        for word in [1_700_000_000 + seconds, micros, length(captured), length(frame)] {
            self.bytes.extend(word.to_le_bytes());
        }
        self.bytes.extend_from_slice(captured);
        self.frames += 1;
    }
}
