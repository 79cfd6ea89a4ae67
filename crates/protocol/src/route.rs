//! The routes of a miner, relative to the address it publishes.

/// Where a request is posted. The route is part of what an asker signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// A conversation to continue; the answer streams.
    Chat,
    /// A text to continue; the answer streams.
    Completions,
    /// A request of the subnet's task, whose answer comes at once.
    Work,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Completions, Self::Work];

    /// The path of the URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Work => "/v1/work",
        }
    }

    /// Whether the answer comes as a stream of events, and not at once.
    pub const fn is_streamed(self) -> bool {
        !matches!(self, Self::Work)
    }

    /// The byte that stands for the route under a signature.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Chat => 0,
            Self::Completions => 1,
            Self::Work => 2,
        }
    }
}
