import ArgumentParser
import Console
import FeedbackStore
import Foundation

/// What people say about answers: the labelling server, who may use it, and what it gathered.
struct FeedbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feedback",
        abstract: "Let people compare, rank, rate and write answers, and see what their votes say.",
        subcommands: [
            FeedbackServeCommand.self, FeedbackGatherCommand.self, FeedbackInviteCommand.self,
            FeedbackRevokeCommand.self, FeedbackStatusCommand.self, FeedbackExportCommand.self,
            FeedbackEraseCommand.self, FeedbackImportCommand.self, FeedbackReportCommand.self,
        ])
}

/// Where the answers of people are kept.
struct StoreOption: ParsableArguments {
    static let usual = "feedback.sqlite"
    @Option(help: "The file that keeps tasks, people and their answers.") var store = Self.usual

    func open(isNew: Bool = false) throws -> FeedbackStore {
        try feedbackErrors { try FeedbackStore(path: store, isNew: isNew) }
    }

    /// How another command names the same store.
    var argument: String { store == Self.usual ? "" : " --store \(store)" }

    static var now: Int64 { Int64(Date.now.timeIntervalSince1970 * 1000) }
}

/// Errors of a store with their exit codes.
func feedbackErrors<T>(_ body: () throws -> T) throws -> T {
    do {
        return try body()
    } catch let error as FeedbackError {
        let status: ExitStatus =
            switch error.code {
            case .io: .failed
            case .inUse: .tryAgain
            case .notFound, .invalid: .configuration
            }
        throw CommandError(status, error.message)
    }
}
