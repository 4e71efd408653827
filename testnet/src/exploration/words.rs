//! Sets of blocks and of votes, as bits: what makes many states cheap.

/// Blocks that a set has room for.
const BLOCKS_MAX: usize = 60;

/// A vote, with the number of the block that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Word {
    /// Notarize the block.
    Notarize(usize),
    /// Finalize the block.
    Finalize(usize),
    /// Skip the slot.
    Skip(u64),
}

/// A set of blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Blocks(u64);

/// A set of votes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Words(u128);

impl Blocks {
    /// These and one more.
    pub(super) fn with(self, block: usize) -> Self {
        assert!(block < BLOCKS_MAX, "the bound has too many blocks");
        Self(self.0 | 1 << block)
    }

    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn has(self, block: usize) -> bool {
        self.0 >> block & 1 == 1
    }

    pub(super) const fn has_all(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }

    pub(super) const fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) const fn count(self) -> u32 {
        self.0.count_ones()
    }

    /// Their numbers, ascending.
    pub(super) fn numbers(self) -> impl Iterator<Item = usize> {
        bits(u128::from(self.0))
    }
}

impl Words {
    /// The votes that `2f + 1` of four members cast.
    pub(super) fn of_quorums(voted: &[Self]) -> Self {
        // By how many members at least they were cast.
        let [mut one, mut two, mut three] = [Self::default(); 3];
        for words in voted {
            three = three.union(two.both(*words));
            two = two.union(one.both(*words));
            one = one.union(*words);
        }
        three
    }

    /// The votes of two sets.
    pub(super) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The votes in both sets.
    pub(super) const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn has(self, word: Word) -> bool {
        self.0 & word.bit() != 0
    }

    pub(super) fn insert(&mut self, word: Word) {
        self.0 |= word.bit();
    }

    /// All of them, one after another.
    pub(super) fn iter(self) -> impl Iterator<Item = Word> {
        bits(self.0).map(Word::of)
    }

    /// The blocks that are voted to be notarized.
    pub(super) fn notarized(self) -> Blocks {
        self.blocks(0)
    }

    /// The blocks that are voted to be finalized.
    pub(super) fn finalized(self) -> Blocks {
        self.blocks(1)
    }

    fn blocks(self, odd: usize) -> Blocks {
        let wanted = bits(self.0).filter(|bit| *bit < 2 * BLOCKS_MAX && bit % 2 == odd);
        wanted.fold(Blocks::default(), |blocks, bit| blocks.with(bit / 2))
    }
}

impl FromIterator<Word> for Words {
    fn from_iter<T: IntoIterator<Item = Word>>(words: T) -> Self {
        let mut all = Self::default();
        for word in words {
            all.insert(word);
        }
        all
    }
}

impl Word {
    /// Two bits for each block, then one for each slot.
    fn bit(self) -> u128 {
        let index = match self {
            Self::Notarize(block) => 2 * block,
            Self::Finalize(block) => 2 * block + 1,
            Self::Skip(slot) => {
                2 * BLOCKS_MAX + usize::try_from(slot).expect("few slots are explored")
            }
        };
        1 << index
    }

    fn of(bit: usize) -> Self {
        match bit.checked_sub(2 * BLOCKS_MAX) {
            Some(slot) => Self::Skip(slot as u64),
            None if bit.is_multiple_of(2) => Self::Notarize(bit / 2),
            None => Self::Finalize(bit / 2),
        }
    }
}

/// The numbers of the bits that are set, ascending.
fn bits(mut left: u128) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = left.trailing_zeros() as usize;
        left &= left.checked_sub(1)?;
        Some(bit)
    })
}
