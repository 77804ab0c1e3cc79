/// A region of memory that stays valid while its owner lives: usually part of a mapped file.
public struct Bytes: @unchecked Sendable {
    /// The first byte. No alignment is promised.
    public let base: UnsafeRawPointer
    public let count: Int
    /// Keeps the region alive; nil for memory that is never freed.
    public let owner: AnyObject?

    public init(base: UnsafeRawPointer, count: Int, owner: AnyObject?) {
        self.base = base
        self.count = count
        self.owner = owner
    }

    /// The same region as a buffer; valid while `self` lives.
    public var buffer: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }
}
