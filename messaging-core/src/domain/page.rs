//! Page sizes and numbered pages.

/// The maximum number of items on a page: 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageSize(usize);

/// The number is not a valid page size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be a number from 1 to {}", PageSize::MAX)]
pub struct InvalidPageSize;

impl PageSize {
    /// The largest size.
    pub const MAX: usize = 100;
    /// A page of one item.
    pub(crate) const ONE: Self = Self(1);
    /// The default page size of a history.
    pub const HISTORY: Self = Self(50);
    /// The default page size of a list of conversations.
    pub const LIST: Self = Self(20);

    /// Creates a page size.
    ///
    /// # Errors
    /// [`InvalidPageSize`] unless the size is 1 to 100.
    pub const fn new(size: usize) -> Result<Self, InvalidPageSize> {
        if size >= 1 && size <= Self::MAX {
            Ok(Self(size))
        } else {
            Err(InvalidPageSize)
        }
    }

    /// The size as a number.
    pub const fn get(self) -> usize {
        self.0
    }
}

/// A page by number, counted from the newest item. The store counts and skips the items before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberedPage {
    number: usize,
    size: PageSize,
}

/// The page is beyond the limit of numbered pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be at least 1, and page times limit at most {}", NumberedPage::DEEPEST)]
pub struct InvalidNumberedPage;

impl NumberedPage {
    /// The position of the last item that a numbered page may include, and the limit up to which totals are counted.
    pub const DEEPEST: usize = 10_000;

    /// The page with that number; the first page is 1.
    ///
    /// # Errors
    /// [`InvalidNumberedPage`] for page 0, and if number times size exceeds 10,000.
    pub fn new(number: usize, size: PageSize) -> Result<Self, InvalidNumberedPage> {
        let reach = number
            .checked_mul(size.get())
            .filter(|reach| (1..=Self::DEEPEST).contains(reach));
        reach.map(|_| Self { number, size }).ok_or(InvalidNumberedPage)
    }

    /// The page number.
    pub fn number(self) -> usize {
        self.number
    }

    /// The maximum number of items on the page.
    pub fn size(self) -> PageSize {
        self.size
    }

    /// The number of items before the page.
    pub fn skip(self) -> usize {
        (self.number - 1) * self.size.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_1_to_100() {
        assert!(PageSize::new(1).is_ok() && PageSize::new(100).is_ok());
        assert!(PageSize::new(0).is_err() && PageSize::new(101).is_err());
    }

    #[test]
    fn a_numbered_page_reaches_at_most_10_000() {
        let page = |number, size| NumberedPage::new(number, PageSize::new(size).unwrap());
        assert_eq!(page(3, 20).map(NumberedPage::skip), Ok(40));
        assert!(page(1, 1).is_ok() && page(100, 100).is_ok() && page(10_000, 1).is_ok());
        assert!(page(0, 20).is_err() && page(101, 100).is_err() && page(usize::MAX, 2).is_err());
    }
}
