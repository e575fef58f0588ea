package dev.stowage.volume;

/// Why a request was refused, in terms a caller can act on. The gRPC layer maps each to one status
/// code.
public enum Reason {
    /// The request itself is wrong and stays wrong however often it is repeated.
    INVALID,
    /// The volume, node or path asked for does not exist.
    NOT_FOUND,
    /// The name or path is taken by something that differs from what is asked for.
    ALREADY_EXISTS,
    /// The size can never be had with this request's limits.
    OUT_OF_RANGE,
    /// It does not fit in this pool, or this node lacks the pool or takes no more volumes: another
    /// node may do.
    NO_SPACE,
    /// Something holds the volume, or it is not in the state that the operation needs.
    FAILED_PRECONDITION,
    /// The pool is sick: its administrator must act, then a retry succeeds.
    UNAVAILABLE,
    /// Another operation on the same volume runs; retry.
    BUSY,
    /// A list token that this driver did not issue; start again without one.
    BAD_TOKEN,
    /// What is on disk is damaged or contradicts itself; nothing was changed.
    DAMAGED
}
