//! Blanket implementations for `Arc<T>`.

use std::sync::Arc;

use super::{
    ActivityStore, AuditStore, DigestStore, ErasureStore, ModerationStore, PushStore, RecountStore, Store,
};

macro_rules! for_arc {
    (
        { $($required:ident { $($method:ident($($argument:ident: $type:ty),*) -> $answer:ty, $change:ident, $doing:literal;)* })* }
        { $($ignored:tt)* }
    ) => {
        const _: () = {
            use $crate::store::wrapping::*;
            $(#[async_trait]
            impl<T: $required + ?Sized> $required for Arc<T> {
                $(async fn $method(&self, $($argument: $type),*) -> Result<$answer, StoreError> {
                    (**self).$method($($argument),*).await
                })*
            })*
        };
    };
}

crate::__store_methods!(for_arc);

impl<T: Store + ?Sized> Store for Arc<T> {
    fn digests(&self) -> Option<&dyn DigestStore> {
        (**self).digests()
    }

    fn push(&self) -> Option<&dyn PushStore> {
        (**self).push()
    }

    fn moderation(&self) -> Option<&dyn ModerationStore> {
        (**self).moderation()
    }

    fn audit(&self) -> Option<&dyn AuditStore> {
        (**self).audit()
    }

    fn activity(&self) -> Option<&dyn ActivityStore> {
        (**self).activity()
    }

    fn erasure(&self) -> Option<&dyn ErasureStore> {
        (**self).erasure()
    }

    fn recount(&self) -> Option<&dyn RecountStore> {
        (**self).recount()
    }
}
