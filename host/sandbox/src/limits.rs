//! How much one call may use, and the books that are kept while it runs.

use std::time::Duration;
use thiserror::Error;
use wasmtime::ResourceLimiter;

/// What one call may use. The defaults fit a rule call: a check of a form with sixty fields takes 31 µs and well under
/// 1 MiB, so each number leaves room for a plugin a hundred times as heavy.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Time in the guest's own code, waits in imports and for its turns not counted.
    pub guest_time: Duration,
    /// Time from the first instruction to the last, waits in imports included.
    pub total_time: Duration,
    /// Bytes of one linear memory.
    pub memory_bytes: usize,
    /// Elements of one table.
    pub table_elements: usize,
    /// Core instances of the component: the module and what the component encoding puts around it.
    pub instances: usize,
    /// Bytes that cross from the guest to the host in one host call, and in the result of the export.
    pub hostcall_bytes: usize,
    /// Effects that the call may ask for.
    pub effects_count: u32,
    /// Bytes that these effects may hold together.
    pub effects_bytes: usize,
    /// Reads that the host keeps a record of.
    pub reads_count: u32,
    /// Bytes of log lines that the call may cause, such as those about denied capabilities.
    pub log_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            guest_time: Duration::from_millis(300), // ten thousand times a usual check, and a person still waits for it
            total_time: Duration::from_secs(5), // a page that takes longer is given up by the person before it
            memory_bytes: 32 << 20,             // also the slot's size in the pool
            table_elements: 10_000,             // one for each function that is called by pointer
            instances: 8,                       // wit-component makes 3 or 4
            hostcall_bytes: 4 << 20,            // room for a definition of thousands of fields
            effects_count: 1_000,
            effects_bytes: 1 << 20, // fifteen storage values of the largest size
            reads_count: 4_000,     // each is verified again at the commit
            log_bytes: 16 << 10,    // about a hundred lines
        }
    }
}

impl Limits {
    /// For the one call at activation, in which a guest builds its whole definition.
    pub fn for_activation(&self) -> Self {
        Self {
            guest_time: Duration::from_secs(2),
            ..self.clone()
        }
    }
}

/// The limit that a guest ran into, raised from inside the call as a trap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Exceeded {
    #[error("guest time")]
    GuestTime,
    #[error("turns: {queued:?} waited for them")]
    Turns { queued: Duration },
    #[error("memory: {wanted} bytes wanted")]
    Memory { wanted: usize },
    #[error("table: {wanted} elements wanted")]
    Table { wanted: usize },
    #[error("number of effects")]
    EffectsCount,
    #[error("bytes of effects")]
    EffectsBytes,
    #[error("number of reads")]
    Reads,
    #[error("bytes of log")]
    Log,
}

/// What is left of the limits on things that the host keeps on behalf of a guest. Host-call bytes alone do not bound
/// these: ten million small writes fit through them before the time is up, and buffer 70 MiB.
#[derive(Clone, Debug)]
pub struct Budget {
    effects: u32,
    effects_bytes: usize,
    reads: u32,
    log_bytes: usize,
}

impl Budget {
    pub fn new(limits: &Limits) -> Self {
        Self {
            effects: limits.effects_count,
            effects_bytes: limits.effects_bytes,
            reads: limits.reads_count,
            log_bytes: limits.log_bytes,
        }
    }

    /// Pays for one effect that holds `bytes`.
    pub fn effect(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.effects = self.effects.checked_sub(1).ok_or(Exceeded::EffectsCount)?;
        self.effects_bytes = self
            .effects_bytes
            .checked_sub(bytes)
            .ok_or(Exceeded::EffectsBytes)?;
        Ok(())
    }

    /// Pays for one recorded read.
    pub fn read(&mut self) -> Result<(), Exceeded> {
        self.reads = self.reads.checked_sub(1).ok_or(Exceeded::Reads)?;
        Ok(())
    }

    /// Pays for a log line of `bytes`.
    pub fn log(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.log_bytes = self.log_bytes.checked_sub(bytes).ok_or(Exceeded::Log)?;
        Ok(())
    }
}

/// Watches what a store allocates. A growth that goes too far traps at once instead of returning -1, so that the error
/// names the limit rather than whatever the guest's allocator did afterwards.
#[derive(Debug)]
pub(crate) struct Watch {
    memory_bytes: usize,
    table_elements: usize,
    instances: usize,
}

impl Watch {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            memory_bytes: limits.memory_bytes,
            table_elements: limits.table_elements,
            instances: limits.instances,
        }
    }
}

impl ResourceLimiter for Watch {
    fn memory_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if wanted > self.memory_bytes || maximum.is_some_and(|maximum| wanted > maximum) {
            return Err(Exceeded::Memory { wanted }.into());
        }
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        wanted: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if wanted > self.table_elements || maximum.is_some_and(|maximum| wanted > maximum) {
            return Err(Exceeded::Table { wanted }.into());
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        self.instances
    }

    fn memories(&self) -> usize {
        crate::engine::MEMORIES_PER_COMPONENT as usize
    }

    fn tables(&self) -> usize {
        crate::engine::TABLES_PER_COMPONENT as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_ends_at_its_numbers() {
        let limits = Limits {
            effects_count: 2,
            effects_bytes: 10,
            reads_count: 1,
            log_bytes: 5,
            ..Limits::default()
        };
        let mut budget = Budget::new(&limits);
        assert_eq!(budget.effect(4), Ok(()));
        assert_eq!(budget.effect(7), Err(Exceeded::EffectsBytes));
        assert_eq!(budget.effect(1), Err(Exceeded::EffectsCount));
        assert_eq!(budget.read(), Ok(()));
        assert_eq!(budget.read(), Err(Exceeded::Reads));
        assert_eq!(budget.log(5), Ok(()));
        assert_eq!(budget.log(1), Err(Exceeded::Log));
    }

    #[test]
    fn growth_beyond_the_limit_or_the_guests_own_maximum_is_refused() {
        let limits = Limits {
            memory_bytes: 1 << 20,
            table_elements: 10,
            ..Limits::default()
        };
        let mut watch = Watch::new(&limits);
        assert!(watch.memory_growing(0, 1 << 20, None).unwrap());
        let refused = watch.memory_growing(0, 2 << 20, None).unwrap_err();
        assert_eq!(
            refused.downcast_ref(),
            Some(&Exceeded::Memory { wanted: 2 << 20 })
        );
        let refused = watch.table_growing(0, 9, Some(8)).unwrap_err();
        assert_eq!(refused.downcast_ref(), Some(&Exceeded::Table { wanted: 9 }));
    }
}
