import ClusterModel
import Console
import Foundation
import Supervision
import Testing

@Suite struct SupervisorMachineTests {
    private typealias Bench = SupervisorBench
    private let first = SupervisorBench.generator(0)
    private let second = SupervisorBench.generator(1)

    private func started(generators: Int = 2, scorers: Int = 1) -> Bench {
        var bench = Bench(generators: generators, scorers: scorers)
        bench.begin()
        return bench
    }

    // MARK: - Starting

    @Test func theRestIsStartedWhenTheCoordinatorListens() {
        var bench = Bench()
        let begun = bench.machine.begin()
        #expect(begun == [.start(.coordinator, address: nil)])
        let early = bench.tell(.tick)
        #expect(early.isEmpty)
        let effects = bench.tell(.address("tcp://a"))
        #expect(
            effects
                == [Slot.learner, .worker(.scorer, 0), first, second].map { .start($0, address: "tcp://a") })
        let again = bench.tell(.address("tcp://b"))
        #expect(again.isEmpty)
    }

    @Test func aProcessThatCannotBeStartedEndsTheRun() {
        var bench = Bench(generators: 1, scorers: 0)
        bench.saysStarted = false
        bench.begin()
        bench.tell(.cannotStart(first, "cannot start skein-engine: it is gone"))
        bench.end(.learner, .signal(SIGTERM))
        bench.end(.coordinator, .exit(75))
        #expect(bench.end?.status == .failed && bench.end?.message == "cannot start skein-engine: it is gone")
    }

    @Test func aProcessThatCannotBeStartedAgainIsTriedAgain() {
        var bench = started(generators: 1, scorers: 0)
        bench.end(first, .signal(SIGKILL))
        bench.saysStarted = false
        bench.pass(.milliseconds(200))
        bench.tell(.cannotStart(first, "cannot start skein-engine: no memory"))
        #expect(!bench.machine.isStopping && bench.running[first] == nil)
        bench.saysStarted = true
        bench.pass(.seconds(1))
        #expect(bench.running[first] != nil && bench.starts[first] == 3)
        // Nobody was lost whom the coordinator has not been told of.
        #expect(bench.lost.count == 1)
    }

    /// The third end is the one at which the coordinator gives the job up; from then on the process is as good as new.
    @Test func aProcessThatAJobTakesWithItIsStartedAgainWhereTheJobIsSkipped() {
        for skips in [true, false] {
            var bench = Bench(generators: 1, scorers: 0, skipsPoison: skips)
            bench.begin()
            for _ in 0..<3 {
                bench.end(first, .signal(SIGSEGV))
                bench.pass(.seconds(2))
            }
            #expect((bench.running[first] != nil) == skips)
            guard skips else { continue }
            for _ in 0..<3 {
                bench.end(first, .signal(SIGSEGV), skipped: 1)
                bench.pass(.seconds(2))
            }
            #expect(bench.running[first] != nil)
            bench.end(first, .signal(SIGSEGV), skipped: 1)
            bench.pass(.seconds(10))
            #expect(bench.running[first] == nil)
        }
    }

    @Test func aProcessThatCannotBeStartedAgainThriceEndsTheRun() {
        var bench = started(generators: 1, scorers: 0)
        bench.end(first, .signal(SIGKILL))
        bench.saysStarted = false
        for _ in 1...3 {
            bench.pass(.seconds(1))
            bench.tell(.cannotStart(first, "cannot start skein-engine: no memory"))
        }
        #expect(bench.machine.isStopping)
        bench.end(.learner, .exit(0))
        bench.end(.coordinator, .exit(75))
        #expect(bench.end?.status == .failed)
        #expect(
            bench.end?.message
                == "generator-0 ended 3 times in the same way (it could not be started): "
                + "cannot start skein-engine: no memory")
    }

    @Test func anUnknownEndIsTheLossOfAProcess() throws {
        var bench = started(generators: 1, scorers: 0)
        let pid = try #require(bench.running[first])
        bench.tell(.cannotStart(first, "cannot tell how skein-engine ended"))
        #expect(bench.lost == [pid])
        bench.pass(.milliseconds(200))
        #expect(bench.starts[first] == 2)
    }

    // MARK: - Deaths

    @Test func aKilledWorkerIsReportedAtOnceAndStartedAfterItsBackOff() throws {
        var bench = started()
        let pid = try #require(bench.running[first])
        bench.end(first, .signal(SIGKILL))
        #expect(bench.lost == [pid])
        #expect(bench.running[first] == nil)
        bench.pass(.milliseconds(150))
        #expect(bench.running[first] == nil)
        bench.pass(.milliseconds(50))
        #expect(bench.running[first] != nil && bench.starts[first] == 2)
        #expect(bench.starts[second] == 1)
    }

    @Test func whoLeavesByItselfIsNeitherLostNorReplaced() {
        var bench = started()
        bench.end(first, .exit(0))
        bench.pass(.seconds(60))
        #expect(bench.lost.isEmpty && bench.running[first] == nil && bench.end == nil)
    }

    @Test func aLearnerThatLeavesWhileTheRunGoesOnIsStartedAgain() {
        var bench = started(generators: 0, scorers: 0)
        bench.end(.learner, .exit(0))
        bench.pass(.milliseconds(9950))
        #expect(bench.running[.learner] == nil)
        // Nobody is told of a start that may never come.
        #expect(bench.notes.map(\.message) == ["learner has finished"] && !bench.notes[0].isWarning)
        bench.pass(.milliseconds(50))
        #expect(bench.notes.last?.isWarning == true)
        #expect(bench.running[.learner] != nil && bench.starts[.learner] == 2 && bench.lost.isEmpty)
        // After the last step it leaves before the coordinator does.
        bench.end(.learner, .exit(0), step: 10)
        bench.pass(.seconds(1))
        bench.end(.coordinator, .exit(0), step: 10)
        #expect(bench.starts[.learner] == 2)
        #expect(bench.notes.filter(\.isWarning).count == 1)
        #expect(bench.end?.message == "" && bench.end?.status == nil)
    }

    @Test func theSameFailureThriceEndsTheRunWithItsLastWords() {
        var bench = started(generators: 1, scorers: 0)
        for number in 1...3 {
            bench.end(first, .exit(1), words: "no memory for \(number) tensors")
            bench.pass(.seconds(5))
        }
        #expect(bench.machine.isStopping)
        bench.end(.learner, .exit(0))
        bench.end(.coordinator, .exit(75))
        #expect(bench.end?.status == .failed)
        #expect(
            bench.end?.message
                == "generator-0 ended 3 times in the same way (exit code 1): no memory for 3 tensors")
    }

    @Test func aStepBetweenFailuresIsAFreshStart() {
        var bench = started(generators: 1, scorers: 0)
        for step in 1...20 {
            bench.end(first, .exit(1), words: "no memory", step: step)
            bench.pass(.seconds(1))
            #expect(bench.running[first] != nil, "after step \(step)")
        }
    }

    /// Who has its name is alive, and works in its place.
    @Test func aWorkerWhoseNameIsTakenWaitsForAsLongAsThatTakes() {
        var bench = started()
        for slot in [first, .learner] {
            let before = bench.notes.count
            for _ in 0..<20 {
                bench.end(slot, .exit(75), words: "process 7 on h works as \(slot) already")
                #expect(bench.running[slot] == nil)
                bench.pass(.milliseconds(5_050))
                #expect(bench.running[slot] != nil && !bench.machine.isStopping)
            }
            // 101 s: at its begin, and after a minute.
            let said = bench.notes.dropFirst(before)
            #expect(said.map { $0.details["child"] } == ["\(slot)", "\(slot)"])
            #expect(said.allSatisfy { $0.details["reason"]?.contains("works as \(slot) already") == true })
        }
    }

    @Test func aGivenUpProcessIsNamedWithTheJobThatItHeld() {
        var bench = started(generators: 1, scorers: 0)
        bench.tell(.deaths("3 generators died holding job generate/0/0"))
        for _ in 0..<6 {
            bench.end(first, .signal(SIGKILL))
            bench.pass(.seconds(10))
        }
        bench.end(.learner, .exit(0))
        bench.end(.coordinator, .exit(75))
        #expect(bench.end?.message.hasSuffix("; 3 generators died holding job generate/0/0") == true)
    }

    @Test func theBudgetIsARateForEachProcess() {
        var bench = started()
        // Five each are allowed within ten minutes, however many all of them are together.
        for _ in 0..<5 {
            for slot in [Slot.learner, .worker(.scorer, 0), first, second, .coordinator] {
                bench.end(slot, .signal(SIGKILL))
                bench.pass(.seconds(10))
                #expect(bench.running[slot] != nil, "\(slot)")
            }
        }
        bench.pass(.seconds(600))
        bench.end(first, .signal(SIGKILL))
        bench.pass(.seconds(1))
        #expect(bench.running[first] != nil)
        for _ in 0..<5 {
            bench.end(second, .signal(SIGKILL))
            bench.pass(.seconds(10))
        }
        #expect(!bench.machine.isStopping)
        bench.end(second, .signal(SIGKILL))
        #expect(bench.machine.isStopping)
    }

    @Test func aKilledCoordinatorComesBackAtItsAddressByTheSameRule() {
        var bench = started()
        bench.end(.coordinator, .signal(SIGKILL))
        let early = bench.tell(.tick)
        #expect(early.isEmpty)
        bench.now += .milliseconds(200)
        let later = bench.tell(.tick)
        #expect(later == [.start(.coordinator, address: "tcp://127.0.0.1:7")])
        for _ in 0..<2 {
            bench.end(.coordinator, .signal(SIGSEGV), words: "a trap")
            bench.pass(.seconds(10))
        }
        #expect(!bench.machine.isStopping)
        bench.end(.coordinator, .signal(SIGSEGV), words: "a trap")
        #expect(bench.machine.isStopping)
        for slot in bench.running.keys { bench.end(slot, .signal(SIGTERM)) }
        #expect(
            bench.end?.message == "the coordinator ended 3 times in the same way (signal \(SIGSEGV)): a trap")
    }

    @Test func aWrongConfigurationIsNotTriedAgain() {
        var bench = started(generators: 1, scorers: 0)
        bench.end(first, .exit(78), words: "device: unknown device")
        #expect(bench.machine.isStopping && bench.starts[first] == 1)
        bench.end(.learner, .exit(0))
        bench.end(.coordinator, .exit(75))
        #expect(bench.end?.status == .configuration)
        #expect(bench.end?.message == "generator-0 cannot work: device: unknown device")
    }

    @Test func theCoordinatorsOwnDecisionEndsTheRun() {
        var bench = started(generators: 0, scorers: 0)
        bench.end(.coordinator, .exit(75), words: "cannot serve the status at 127.0.0.1:1")
        // Nothing to wait for: it has not told anybody.
        #expect(bench.signals.map(\.slot) == [.learner])
        bench.end(.learner, .exit(0))
        #expect(bench.end?.status == .tryAgain)
        #expect(bench.end?.message == "the run cannot go on: cannot serve the status at 127.0.0.1:1")
    }

    @Test func aStopOfAnEarlierCommandDoesNotHideWhyTheCoordinatorCannotListen() {
        var bench = Bench()
        _ = bench.machine.begin()
        bench.tell(.started(.coordinator, pid: 5))
        bench.end(.coordinator, .exit(75), words: "the address is in use", step: 3, isStopped: true)
        #expect(bench.end?.status == .tryAgain)
        #expect(bench.end?.message == "the run cannot go on: the address is in use")
    }

    // MARK: - Silence

    private func notes(_ effects: [SupervisorMachine.Effect]) -> [SupervisorMachine.Note] {
        effects.compactMap { effect -> SupervisorMachine.Note? in
            guard case .note(let note) = effect else { return nil }
            return note
        }
    }

    @Test func aFrozenProcessIsKilledOnceAndStartedAgain() throws {
        var bench = started()
        let pid = try #require(bench.running[second])
        let effects = bench.tell(.silent(second, pid: pid))
        #expect(effects.contains(.signal(second, SIGKILL)))
        let said = notes(effects)
        #expect(
            said.map(\.message) == ["generator-1 (process \(pid)) was silent for too long and is started again"])
        #expect(said.first?.isWarning == true)
        let again = bench.tell(.silent(second, pid: pid))
        #expect(again.isEmpty)
        bench.end(second, .signal(SIGKILL))
        bench.pass(.milliseconds(200))
        #expect(bench.running[second] != nil && bench.running[second] != pid && bench.starts[second] == 2)
        // The coordinator shows the old one for a while.
        let late = bench.tell(.silent(second, pid: pid))
        #expect(late.isEmpty)
        let next = try #require(bench.running[second])
        bench.tell(.silent(second, pid: next))
        #expect(bench.signals.map(\.number) == [SIGKILL, SIGKILL])
    }

    @Test func aFrozenLearnerIsStartedAgainToo() throws {
        var bench = started()
        let pid = try #require(bench.running[.learner])
        bench.tell(.silent(.learner, pid: pid))
        #expect(bench.signals.map(\.slot) == [.learner])
        bench.end(.learner, .signal(SIGKILL))
        bench.pass(.milliseconds(200))
        #expect(bench.starts[.learner] == 2)
    }

    @Test func aFrozenCoordinatorIsStartedAgainAtItsAddress() throws {
        var bench = started()
        let pid = try #require(bench.running[.coordinator])
        bench.tell(.silent(.coordinator, pid: pid))
        bench.tell(.silent(.coordinator, pid: pid))
        #expect(bench.signals.map(\.slot) == [.coordinator] && bench.signals[0].number == SIGKILL)
        bench.end(.coordinator, .signal(SIGKILL))
        bench.pass(.milliseconds(200))
        #expect(bench.starts[.coordinator] == 2 && !bench.machine.isStopping && bench.lost.isEmpty)
    }

    @Test func onlyTheProcessThatIsMeantIsKilled() throws {
        var bench = started()
        let pid = try #require(bench.running[first])
        bench.tell(.silent(first, pid: pid + 1000))
        bench.tell(.silent(.worker(.generator, 7), pid: pid))
        bench.end(first, .exit(0))
        bench.tell(.silent(first, pid: pid))
        #expect(bench.signals.isEmpty)
    }

    @Test func aFrozenProcessThatIsNotWantedIsOnlyEnded() throws {
        var bench = started()
        bench.tell(.wish(.generator, 1))
        let pid = try #require(bench.running[second])
        let said = notes(bench.tell(.silent(second, pid: pid)))
        #expect(said.map(\.message) == ["generator-1 (process \(pid)) was silent for too long and is ended"])
        bench.end(second, .signal(SIGKILL))
        bench.pass(.seconds(60))
        #expect(bench.starts[second] == 1)
    }

    @Test func whatMakesTheRunImpossibleStopsItInOrder() {
        var bench = started(generators: 1, scorers: 0)
        bench.tell(.impossible("the run directory is gone"))
        bench.tell(.interrupt)
        #expect(bench.signals.map(\.slot) == [first])
        bench.end(first, .exit(0))
        bench.end(.learner, .exit(0))
        bench.end(.coordinator, .exit(75), isStopped: true)
        #expect(bench.end?.status == .failed && bench.end?.message == "the run directory is gone")
    }

    // MARK: - Scaling

    @Test(arguments: [-1, 1025, Int.max]) func aWishBeyondAllBoundsIsNotFollowed(count: Int) {
        var bench = started()
        bench.tell(.wish(.generator, count))
        #expect(bench.starts.count == 5 && bench.signals.isEmpty)
    }

    @Test func aDismissedWorkerIsToldOnceAndNotReplaced() {
        var bench = started()
        bench.tell(.wish(.generator, 1))
        bench.tell(.wish(.generator, 1))
        bench.tell(.wish(.generator, 0))
        #expect(bench.signals.map(\.slot) == [second, first])
        bench.end(first, .signal(SIGKILL))
        bench.end(second, .exit(0))
        bench.pass(.seconds(60))
        #expect(bench.running[first] == nil && bench.running[second] == nil && bench.end == nil)
    }

    @Test func aDismissedWorkerThatIsWantedAgainFollowsItself() {
        var bench = started()
        bench.tell(.wish(.generator, 1))
        bench.tell(.wish(.generator, 2))
        #expect(bench.starts[second] == 1)
        bench.end(second, .exit(0))
        #expect(bench.starts[second] == 2)
    }

    @Test func moreWorkersAreStartedAndFewerDuringABackOffAreNot() {
        var bench = started(generators: 1)
        bench.tell(.wish(.generator, 3))
        #expect(bench.starts[.worker(.generator, 2)] == 1)
        bench.end(second, .signal(SIGKILL))
        bench.tell(.wish(.generator, 1))
        bench.pass(.seconds(1))
        #expect(bench.starts[second] == 1)
        bench.tell(.wish(.generator, 2))
        #expect(bench.starts[second] == 2)
    }

    @Test func aWishDuringABackOffDoesNotCutItShort() {
        var bench = started()
        bench.end(second, .signal(SIGKILL))
        bench.tell(.wish(.generator, 1))
        bench.tell(.wish(.generator, 3))
        #expect(bench.starts[second] == 1 && bench.starts[.worker(.generator, 2)] == 1)
        bench.pass(.milliseconds(200))
        #expect(bench.starts[second] == 2)
    }

    // MARK: - Stopping

    @Test func anInterruptStopsWorkersThenTheLearnerThenTheCoordinator() {
        var bench = started(generators: 1)
        bench.tell(.interrupt)
        #expect(bench.signals.map(\.slot) == [first, .worker(.scorer, 0)])
        bench.end(first, .exit(0))
        bench.pass(.seconds(1))
        bench.end(.worker(.scorer, 0), .exit(0))
        #expect(bench.signals.last?.slot == .learner && bench.signals.last?.number == SIGTERM)
        // It does not listen.
        bench.pass(.seconds(20))
        #expect(bench.signals.last?.slot == .learner && bench.signals.last?.number == SIGKILL)
        bench.end(.learner, .signal(SIGKILL))
        #expect(bench.signals.last?.slot == .coordinator)
        bench.end(.coordinator, .exit(75), step: 4, isStopped: true)
        #expect(bench.end?.status == .tryAgain)
        #expect(
            bench.end?.message == "stopped as asked after step 4 of 10; go on with: skein run x.yaml")
        #expect(bench.lost.isEmpty)
    }

    @Test func whoOutlivesSIGKILLHoldsNobodyUp() {
        var bench = started(generators: 1, scorers: 0)
        bench.tell(.interrupt)
        bench.pass(.seconds(20))
        #expect(bench.signals.last?.slot == first && bench.signals.last?.number == SIGKILL)
        bench.pass(.milliseconds(4950))
        #expect(bench.signals.last?.slot == first)
        bench.pass(.milliseconds(50))
        #expect(bench.signals.last?.slot == .learner && bench.signals.last?.number == SIGTERM)
        bench.end(.learner, .exit(0))
        bench.end(.coordinator, .exit(75), step: 4, isStopped: true)
        #expect(bench.end?.status == .tryAgain)
        let late = bench.tell(.ended(first, .signal(SIGKILL), words: ""))
        #expect(late.isEmpty)
    }

    @Test func nobodyWhoOutlivesSIGKILLKeepsTheStageFromItsEnd() {
        var bench = started(generators: 1, scorers: 1)
        bench.tell(.interrupt)
        bench.pass(.seconds(3 * 25))
        #expect(bench.end?.status == .tryAgain)
    }

    @Test func aSignalWaitsForAProcessThatIsBeingStarted() {
        var bench = Bench(generators: 0, scorers: 0)
        bench.saysStarted = false
        bench.begin()
        bench.tell(.started(.coordinator, pid: 5))
        bench.tell(.interrupt)
        #expect(bench.signals.isEmpty)
        bench.tell(.started(.learner, pid: 6))
        #expect(bench.signals.map(\.slot) == [.learner])
    }

    @Test func anInterruptBeforeTheCoordinatorListensStartsNothingElse() {
        var bench = Bench()
        _ = bench.machine.begin()
        bench.tell(.started(.coordinator, pid: 5))
        bench.tell(.interrupt)
        #expect(bench.signals.map(\.slot) == [.coordinator])
        let late = bench.tell(.address("tcp://a"))
        #expect(late.isEmpty)
        bench.tell(.ended(.coordinator, .signal(SIGTERM), words: ""))
        #expect(bench.end?.status == .tryAgain)
    }

    @Test func afterItsEndARunGivesEverybodyTimeToLeave() {
        var bench = started(generators: 1, scorers: 0)
        bench.end(.coordinator, .exit(0), step: 10)
        bench.pass(.seconds(4))
        #expect(bench.signals.isEmpty)
        bench.end(first, .exit(0))
        bench.pass(.seconds(4))
        #expect(bench.signals.isEmpty)
        bench.end(.learner, .exit(0))
        #expect(bench.end?.message == "" && bench.end?.status == nil && bench.signals.isEmpty)
    }

    @Test func aRunThatItsOperatorStoppedSaysHowToGoOn() {
        var bench = started(generators: 0, scorers: 0)
        bench.end(.coordinator, .exit(75), words: "stopped", step: 3, isStopped: true)
        bench.end(.learner, .exit(0), step: 3, isStopped: true)
        #expect(bench.end?.status == .tryAgain && bench.end?.message.contains("after step 3 of 10") == true)
    }
}
