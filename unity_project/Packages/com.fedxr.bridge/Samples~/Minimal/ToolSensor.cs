using Fedxr;
using UnityEngine;

/// <summary>A channel of our own: where the tool is, sixty times a second.</summary>
public sealed class ToolSensor : Sensor
{
    readonly float[] pose = new float[7];

    public ToolSensor() : base("tool", 60)
    {
    }

    public override string Layout => "motion/head"; // a pose; the head's is the layout that agents read

    public override bool Sample(long captureUs, FrameBuilder frame)
    {
        if (!IsDue(captureUs))
            return false;
        Handedness.Write(transform.position, transform.rotation, pose, 0);
        return frame.Add(Channel, pose, 0, pose.Length, 1, captureUs);
    }
}
