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
    /// A request of the subnet's task, which takes minutes: the answer is a job's status.
    Submit,
    /// How a job is getting on, or what it has found.
    Poll,
    /// Work on a job is to end.
    Cancel,
}

impl Route {
    /// Every route.
    pub const ALL: [Self; 6] = [
        Self::Chat,
        Self::Completions,
        Self::Work,
        Self::Submit,
        Self::Poll,
        Self::Cancel,
    ];

    /// The path of the URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Completions => "/v1/completions",
            Self::Work => "/v1/work",
            Self::Submit => "/v1/jobs",
            Self::Poll => "/v1/jobs/poll",
            Self::Cancel => "/v1/jobs/cancel",
        }
    }

    /// Whether the answer comes as a stream of events, and not at once.
    pub const fn is_streamed(self) -> bool {
        matches!(self, Self::Chat | Self::Completions)
    }

    /// Whether it is a job's.
    pub const fn is_of_jobs(self) -> bool {
        matches!(self, Self::Submit | Self::Poll | Self::Cancel)
    }

    /// The byte that stands for the route under a signature.
    pub(crate) const fn number(self) -> u8 {
        match self {
            Self::Chat => 0,
            Self::Completions => 1,
            Self::Work => 2,
            Self::Submit => 3,
            Self::Poll => 4,
            Self::Cancel => 5,
        }
    }
}
