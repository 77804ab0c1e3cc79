import ExpertKit

@main struct Main {
    static func main() {
        if CommandLine.arguments.dropFirst().first == Keeper.word {
            Keeper.run(Array(CommandLine.arguments.dropFirst(2)))
        }
        ExpertMain.run(CommandExpert.self)
    }
}
