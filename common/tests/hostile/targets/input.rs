//! Numbers and slices from a fuzzer's bytes; missing bytes are zero.

#[derive(Debug)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    pub fn take(&mut self, most: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(most.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut array = [0; N];
        let taken = self.take(N);
        array[..taken.len()].copy_from_slice(taken);
        array
    }

    pub fn byte(&mut self) -> u8 {
        self.array::<1>()[0]
    }

    pub fn short(&mut self) -> usize {
        usize::from(u16::from_le_bytes(self.array()))
    }

    /// This many bytes, the rest of the input repeated.
    pub fn fill(&self, len: usize) -> Vec<u8> {
        let mut filled: Vec<u8> = self.0.iter().copied().cycle().take(len).collect();
        filled.resize(len, 0);
        filled
    }
}
