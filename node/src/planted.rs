//! Small faults, planted so that the simulator can prove that it finds such.
//!
//! They are compiled in only with the feature `planted-bugs`, and even then none
//! is active until a simulation names one for its own thread.

macro_rules! plants {
    ($($plant:ident $name:literal $what:literal),* $(,)?) => {
        /// A planted fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Plant {
            $(#[doc = $what] $plant),*
        }

        impl Plant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$plant),*];

            /// Its name on a command line.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$plant => $name),* }
            }

            /// What it breaks, in words.
            #[must_use]
            pub fn what(self) -> &'static str {
                match self { $(Self::$plant => $what),* }
            }
        }
    };
}

plants! {
    AcknowledgeBeforeSync "acknowledge-before-sync" "A synced write is answered before its block is on the disk.",
}

thread_local! {
    static ACTIVE: std::cell::Cell<Option<Plant>> = const { std::cell::Cell::new(None) };
}

/// Makes one fault active in this thread, or none.
pub fn activate(plant: Option<Plant>) {
    ACTIVE.set(plant);
}

/// Whether a fault is active in this thread.
#[must_use]
pub fn is_active(plant: Plant) -> bool {
    ACTIVE.get() == Some(plant)
}
