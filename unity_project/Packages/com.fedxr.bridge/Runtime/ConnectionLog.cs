using System.Collections.Generic;
using UnityEngine;

namespace Fedxr
{
    /// <summary>What the console says of a connection: each thing once, when it changes.</summary>
    sealed class ConnectionLog
    {
        readonly HashSet<string> toldCodes = new HashSet<string>();
        Welcome welcome;
        string trouble = "";
        bool ended;

        internal void Tell(BridgeClient client, Object context)
        {
            if (client.Welcome != null && client.Welcome != welcome)
            {
                welcome = client.Welcome;
                Tell(welcome, context);
            }
            if (client.State == ConnectionState.Ended && !ended)
            {
                ended = true;
                Debug.LogError("fedxr: the session has ended. " + client.Trouble
                    + " Is the agent running (fedxr serve), and are url and token right?", context);
            }
            else if (!ended && client.Trouble != trouble && client.Trouble.Length > 0)
            {
                Debug.LogWarning("fedxr: " + client.Trouble
                    + " Trying again; start the agent with `fedxr serve`.", context);
            }
            trouble = client.Trouble;
        }

        internal void Tell(Notice notice, Object context)
        {
            if (toldCodes.Add(notice.Code))
                Debug.LogWarning("fedxr: " + notice.Code + ": " + notice.Text
                    + " (further ones of this kind are not shown)", context);
        }

        static void Tell(Welcome welcome, Object context)
        {
            Debug.Log("fedxr: connected; session " + welcome.Session + ", tasks "
                + string.Join(", ", welcome.Tasks.ToArray()), context);
            foreach (KeyValuePair<string, string> refused in welcome.Refused)
                Debug.LogWarning("fedxr: channel " + refused.Key + " is not taken: " + refused.Value,
                    context);
        }
    }
}
