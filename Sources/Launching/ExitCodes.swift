/// The exit code of a command that stands for many processes.
package enum ExitCodes {
    /// From the best to the worst: what a later start mends comes before what it cannot mend. Any other is worst of all.
    private static let order: [Int32] = [0, 3, 75, 1, 2, 78]

    /// - Returns: 0 where there are none.
    package static func worst(_ codes: some Sequence<Int32>) -> Int32 {
        codes.max { rank($0) < rank($1) } ?? 0
    }

    private static func rank(_ code: Int32) -> Int { order.firstIndex(of: code) ?? order.count }
}
