import ArgumentParser

/// What people and judges prefer: gathered, imported, examined.
struct FeedbackCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "feedback",
        abstract: "Votes on answers: import them, and see what they say and how good they are.",
        subcommands: [FeedbackReportCommand.self, FeedbackImportCommand.self])
}
