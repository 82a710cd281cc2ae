import Foundation
import Synchronization

/// Ctrl-C and SIGTERM: whoever waits looks here, and everything is cleaned up on the way out.
enum Interruption: Error {
    case asked

    private static let isAsked = Atomic<Bool>(false)

    static func watch() {
        for number in [SIGINT, SIGTERM] { signal(number) { _ in Interruption.isAsked.store(true, ordering: .relaxed) } }
    }

    static func check() throws { if isAsked.load(ordering: .relaxed) { throw Interruption.asked } }

    /// Sleeps, and throws when it is asked to end.
    static func sleep(_ seconds: Double) throws {
        let end = ContinuousClock.now + .seconds(seconds)
        while ContinuousClock.now < end {
            try check()
            usleep(20_000)
        }
        try check()
    }
}
