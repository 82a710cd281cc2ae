import Foundation
import Testing

/// A thread for tests that watch processes.
///
/// Tests that compute occupy all threads of Swift's pool for seconds at a time; a test that means to kill a process at a
/// certain moment must not wait for one of them.
final class OwnThread: TaskExecutor, @unchecked Sendable {
    static let shared = OwnThread()

    // SAFETY: guarded by the condition.
    private var jobs: [UnownedJob] = []
    private let condition = NSCondition()

    private init() {
        let thread = Thread { [self] in
            while true { next().runSynchronously(on: asUnownedTaskExecutor()) }
        }
        thread.start()
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        condition.withLock {
            jobs.append(job)
            condition.signal()
        }
    }

    private func next() -> UnownedJob {
        condition.withLock {
            while jobs.isEmpty { condition.wait() }
            return jobs.removeFirst()
        }
    }
}

/// How many tests with processes run at a time: each has half a dozen of them, and more of them at once than this wait for
/// one another's processors so long that time limits of the product pass.
actor ProcessSlots {
    static let shared = ProcessSlots(4)

    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func take() async {
        if free > 0 {
            free -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
    }

    func giveBack() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}

/// Runs each test of a suite on ``OwnThread``, a few at a time.
struct OwnThreadTrait: SuiteTrait, TestTrait, TestScoping {
    var isRecursive: Bool { true }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        try await withTaskExecutorPreference(OwnThread.shared) {
            await ProcessSlots.shared.take()
            do {
                try await function()
            } catch {
                await ProcessSlots.shared.giveBack()
                throw error
            }
            await ProcessSlots.shared.giveBack()
        }
    }
}

extension Trait where Self == OwnThreadTrait {
    static var onItsOwnThread: Self { Self() }
}
