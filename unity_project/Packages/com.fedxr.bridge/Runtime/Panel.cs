using System.Collections.Generic;
using System.Text;
using UnityEngine;

namespace Fedxr
{
    /// <summary>
    /// A board in the world that tells how the agent is doing, and takes the user's labels.
    /// </summary>
    /// <remarks>
    /// It shows the connection, the latency, and for each task the newest answer with its confidence.
    /// Below stand the classes of one task as buttons: pressing one tells the agent that this was the
    /// truth at the newest answered moment. A button is pressed by the mouse, by a pointer (a
    /// controller's or a hand's ray) that rests on it, or by a finger that pokes it; with the keyboard
    /// Tab goes to the next task and Return repeats the last label. It builds itself when it wakes.
    /// </remarks>
    [AddComponentMenu("fedxr/Panel")]
    [DisallowMultipleComponent]
    public sealed class Panel : MonoBehaviour
    {
        /// <summary>Size of the board in metres.</summary>
        public const float Width = 1.2f, Height = 0.8f;

        [SerializeField] HeadsetConnection connection;

        [Tooltip("The camera through which the mouse points.")]
        [SerializeField] Camera view;

        [Tooltip("Controllers or hands, each pointing along its Z axis. May be empty.")]
        [SerializeField] Transform[] pointers = new Transform[0];

        [Tooltip("Seconds for which a pointer must rest on a button to press it.")]
        [SerializeField] float dwell = 0.8f;

        readonly StringBuilder words = new StringBuilder();
        readonly Dictionary<string, Answer> answers = new Dictionary<string, Answer>();
        PanelButtons buttons;
        TextMesh status, heading;
        string task = "", told = "";
        float nextText;

        /// <summary>The task whose classes stand on the buttons; empty before the welcome.</summary>
        public string Task
        {
            get { return task; }
        }

        /// <summary>What the board says of the connection and the answers.</summary>
        public string Status
        {
            get { return status.text; }
        }
    }
}
