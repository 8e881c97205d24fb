using System.Runtime.CompilerServices;

[assembly: InternalsVisibleTo("Fedxr.MLAgents")] // another way to the agent, see IAgentLink
[assembly: InternalsVisibleTo("Fedxr.Editor")] // the same rules in the editor as at run time
[assembly: InternalsVisibleTo("Fedxr.Tests.Editor")]
