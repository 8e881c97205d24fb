namespace Fedxr
{
    /// <summary>A way to the agent other than the websocket.</summary>
    interface IAgentLink
    {
        /// <summary>The user's feedback on <paramref name="task"/> at <paramref name="captureUs"/>.</summary>
        /// <returns>False when it cannot be told now.</returns>
        bool Say(string task, long captureUs, int label);

        /// <summary>Context starts anew.</summary>
        void NewEpisode();
    }
}
