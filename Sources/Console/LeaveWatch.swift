import Foundation

/// Ends a process that has nothing to do any more and does not come to its end: what computes in it hangs, and cannot be
/// cancelled.
package enum LeaveWatch {
    /// Longer than any step of a computation looks whether it is cancelled.
    private static let patience: TimeInterval = 30

    /// - Parameter status: what the process would end with.
    package static func start(_ status: ExitStatus) {
        let thread = Thread {
            Thread.sleep(forTimeInterval: patience)
            Console.error("skein: what computes does not end; this process is ended")
            _exit(status.rawValue)
        }
        thread.stackSize = 256 << 10
        thread.start()
    }
}
