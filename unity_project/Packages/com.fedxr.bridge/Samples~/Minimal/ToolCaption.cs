using Fedxr;
using UnityEngine;

/// <summary>Writes what the agent says of the tool. In the inspector Acts holds "hint".</summary>
[RequireComponent(typeof(TextMesh))]
public sealed class ToolCaption : CueActor
{
    public override void Act(Cue cue)
    {
        GetComponent<TextMesh>().text = (string)cue.Payload["text"];
    }

    public override void Clear(string task)
    {
        GetComponent<TextMesh>().text = "";
    }
}
